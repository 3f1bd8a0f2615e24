#!/bin/sh
echo 'Content-Type: text/html; charset=utf-8'
echo
echo '<!doctype html><title>CGI</title><h1>CGI</h1>'
echo "<p>Process $$ answers $REQUEST_METHOD $SCRIPT_NAME for $REMOTE_ADDR.</p>"
