package gateway

import "testing"

// What has not been asked yet says so, and does not panic.
func TestStateBeforeTheFirstRequest(t *testing.T) {
	if got := new(Application).State(); got != "not asked yet" {
		t.Error(got)
	}
	var q *Queue
	if got := q.State(); got != "0 under way, 0 waiting" {
		t.Error(got)
	}
}
