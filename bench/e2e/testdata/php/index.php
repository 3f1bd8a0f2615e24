<?php
// A small application: what is asked is the PATH_INFO, or the path with a front controller.
session_save_path($_SERVER['APP_TMP'] ?? sys_get_temp_dir());
$what = $_SERVER['PATH_INFO'] ?? '';
switch ($what) {
case '':
	echo "index\n";
	break;
case '/vars':
	header('Content-Type: application/json');
	ksort($_SERVER);
	echo json_encode($_SERVER, JSON_UNESCAPED_SLASHES | JSON_INVALID_UTF8_SUBSTITUTE);
	break;
case '/form':
	header('Content-Type: application/json');
	echo json_encode(['get' => $_GET, 'post' => $_POST, 'cookie' => $_COOKIE, 'raw' => strlen(file_get_contents('php://input'))]);
	break;
case '/upload':
	header('Content-Type: application/json');
	$files = [];
	foreach ($_FILES as $name => $f) {
		$files[$name] = ['name' => $f['name'], 'size' => $f['size'], 'error' => $f['error'],
			'sha1' => $f['error'] ? '' : sha1_file($f['tmp_name'])];
	}
	echo json_encode(['post' => $_POST, 'files' => $files]);
	break;
case '/session':
	session_start();
	$_SESSION['n'] = ($_SESSION['n'] ?? 0) + 1;
	echo $_SESSION['n'];
	break;
case '/cookies':
	setcookie('a', '1');
	setcookie('b', 'two words', ['path' => '/', 'httponly' => true]);
	echo $_COOKIE['c'] ?? '';
	break;
case '/stream':
	for ($i = 0; $i < 5; $i++) {
		echo "$i\n";
		while (ob_get_level()) {
			ob_end_flush();
		}
		flush();
		usleep(50000);
	}
	break;
case '/big':
	$block = str_repeat('0123456789abcdef', 4096);
	for ($i = 0; $i < (int)($_GET['n'] ?? 16); $i++) {
		echo $block;
	}
	break;
case '/log':
	error_log("first line of trouble\nsecond line");
	echo 'logged';
	break;
case '/exit':
	echo 'before';
	exit(3);
case '/hang':
	sleep(30);
	break;
case '/fatal':
	undefined_function();
	break;
case '/fatal-late':
	header('Content-Length: 1000000');
	echo str_repeat('x', 100000);
	flush();
	posix_kill(getmypid(), 9);
	break;
case '/die':
	posix_kill(getmypid(), 9);
	break;
case '/status':
	http_response_code(404);
	echo 'not here';
	break;
case '/redirect':
	header('Location: /elsewhere');
	break;
case '/sendfile':
	header('X-Sendfile: ' . $_GET['file']);
	header('Content-Type: text/plain');
	break;
case '/accel':
	header('X-Accel-Redirect: ' . $_GET['path']);
	break;
case '/lies':
	header('Content-Length: 1000');
	echo 'short';
	break;
case '/nothing':
	http_response_code(204);
	break;
default:
	http_response_code(404);
	echo 'no such page: ' . $what;
}
