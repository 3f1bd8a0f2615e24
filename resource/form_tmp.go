package resource

type form struct{}
