// Package recordings reads what a program has recorded of itself for the development
// server: traces of the execution, and profiles. Programs do not link it.
package recordings
