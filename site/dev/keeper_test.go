package dev

import (
	"bufio"
	"io"
	"maps"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func TestMain(m *testing.M) {
	KeepIfAsked()
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
	if err := syscall.Kill(grandchild, 0); err == nil { // a zombie nobody has waited for is fine
		if stat, _ := os.ReadFile("/proc/" + strconv.Itoa(grandchild) + "/stat"); len(stat) > 0 && !strings.Contains(string(stat), ") Z ") {
			t.Errorf("what it had started still runs: %s", stat)
		}
	}
}
