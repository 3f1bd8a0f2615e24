package main

import (
	"net/http"

	"github.com/gin-gonic/gin"
)

// ginApp is a program as gin's documentation has it.
func ginApp() http.Handler {
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	e.Use(gin.Recovery())
	e.GET("/", func(c *gin.Context) {
		c.Data(200, "text/html; charset=utf-8", []byte(`<!doctype html><title>gin</title><h1>gin</h1><p><a href="ping">ping</a></p>`))
	})
	e.GET("/ping", func(c *gin.Context) { c.JSON(200, gin.H{"message": "pong"}) })
	return e
}
