// Package fastcgi passes requests on to FastCGI applications: PHP scripts to php-fpm, or a
// whole subtree to one application.
//
//	blog := fastcgi.NewPHP("/srv/blog", "unix:/run/php/php8.2-fpm.sock")
//	blog.Files = static.New("/srv/blog")
//	root.PutChild("blog", blog)
//
// Connections are kept and used again, one request at a time on each, as php-fpm wants it.
// Of several backends the one with the fewest requests gets the next; one that can not be
// reached is left out for a while. A request whose kept connection turns out to have been
// closed before a byte of the answer came is sent again, if it may be (RFC 9110 §9.2.2).
//
// php-fpm gives each connection a process, also while nothing is asked on it: of its
// pm.max_children, those of all connections that are kept (MaxIdle, in each event loop)
// serve nobody else.
package fastcgi
