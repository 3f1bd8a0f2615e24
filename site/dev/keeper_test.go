package dev

import (
	"bufio"
	"io"
	"maps"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	KeepIfAsked()
	if kind := os.Getenv(testProgram); kind != "" {
		beProgram(kind)
	}
	os.Exit(m.Run())
}

func TestWhatAKeeperIsTold(t *testing.T) {
	got := keptUntilEnd(strings.NewReader("+10\n+11\n-10\nnonsense\n\n+12"))
	if want := map[int]bool{11: true, 12: true}; !maps.Equal(got, want) {
		t.Errorf("%v", got)
	}
}

// TestKeeperEndsWhatIsLeft runs a keeper, and a process that starts another and would go on
// for a minute.
func TestKeeperEndsWhatIsLeft(t *testing.T) {
	sleeper := exec.Command("/bin/sh", "-c", "sleep 60 & echo $!; wait")
	sleeper.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := sleeper.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := sleeper.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	grandchild, _ := strconv.Atoi(strings.TrimSpace(line))

	keeper := exec.Command(os.Args[0])
	keeper.Env = append(os.Environ(), keeperVariable+"=1")
	pipe, err := keeper.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := keeper.Start(); err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(pipe, "+"+strconv.Itoa(sleeper.Process.Pid)+"\n")
	_ = pipe.Close() // as the system does when the one who holds it is killed
	if err := keeper.Wait(); err != nil {
		t.Fatal(err)
	}
	if err := sleeper.Wait(); err == nil {
		t.Error("the process ended by itself")
	}
	for late := time.Now().Add(patience); alive(grandchild); runtime.Gosched() {
		if time.Now().After(late) {
			t.Fatal("what it had started still runs")
		}
	}
}

// alive tells whether a process is there, and more than what its parent has not asked for.
func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err != nil || !strings.Contains(string(stat), ") Z ")
}
