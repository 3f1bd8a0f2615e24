<?php
session_start();
$_SESSION['visits'] = ($_SESSION['visits'] ?? 0) + 1;
?>
<!doctype html>
<title>PHP</title>
<h1>PHP</h1>
<p>PHP <?= PHP_VERSION ?> as <?= htmlspecialchars($_SERVER['SERVER_SOFTWARE']) ?> has it.
You have been here <b id="visits"><?= $_SESSION['visits'] ?></b> times.</p>
