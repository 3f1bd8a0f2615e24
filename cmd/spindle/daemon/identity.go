package daemon

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// This file is about becoming another user, for good.

// Identity is a user that a process can become.
type Identity struct {
	Name   string
	Home   string
	UID    int
	GID    int
	Groups []int // all of them, with GID
}

// maxGroups is what every system takes.
const maxGroups = 16

// Find is the identity of a user, by name or number. group, "" for the user's own, is the name
// or number of the group. A number need be nobody's; then the group is to be given.
func Find(name, group string) (*Identity, error) {
	id, err := findUser(name)
	if err != nil {
		return nil, err
	}
	if group != "" {
		if id.GID, err = findGroup(group); err != nil {
			return nil, err
		}
	}
	if id.GID < 0 {
		return nil, fmt.Errorf("there is no user %s in the system's list; give its group, too, as in %s:GROUP", name, name)
	}
	id.Groups = slices.DeleteFunc(id.Groups, func(g int) bool { return g == id.GID })
	id.Groups = append([]int{id.GID}, id.Groups...) // the BSDs take the first for that of the process
	id.Groups = id.Groups[:min(len(id.Groups), maxGroups)]
	return id, nil
}

func findUser(name string) (*Identity, error) {
	number, notNumber := strconv.Atoi(name)
	u, err := user.Lookup(name)
	if err != nil && notNumber == nil {
		u, err = user.LookupId(name)
	}
	switch {
	case err != nil && notNumber == nil && number >= 0:
		return &Identity{Name: name, Home: "/", UID: number, GID: -1}, nil
	case errors.As(err, new(user.UnknownUserError)):
		return nil, fmt.Errorf("there is no user %s on this machine", name)
	case err != nil:
		return nil, err
	}
	id := &Identity{Name: u.Username, Home: u.HomeDir}
	if id.UID, err = strconv.Atoi(u.Uid); err != nil {
		return nil, fmt.Errorf("the user %s has the number %q", name, u.Uid)
	}
	if id.GID, err = strconv.Atoi(u.Gid); err != nil {
		return nil, fmt.Errorf("the user %s has the group %q", name, u.Gid)
	}
	groups, err := u.GroupIds()
	if err != nil {
		return nil, fmt.Errorf("the groups of %s: %w", name, err)
	}
	for _, text := range groups {
		if g, err := strconv.Atoi(text); err == nil {
			id.Groups = append(id.Groups, g)
		}
	}
	return id, nil
}

func findGroup(name string) (int, error) {
	g, err := user.LookupGroup(name)
	if err == nil {
		return strconv.Atoi(g.Gid)
	}
	if n, e := strconv.Atoi(name); e == nil && n >= 0 {
		return n, nil
	}
	return 0, fmt.Errorf("there is no group %s on this machine", name)
}

// IsOurs tells whether this process has it already.
func (id *Identity) IsOurs() bool {
	return os.Getuid() == id.UID && os.Geteuid() == id.UID && os.Getgid() == id.GID && os.Getegid() == id.GID
}

// Check tells why this process can not become it; nil when it can, or need not.
func (id *Identity) Check() error {
	if id.IsOurs() || os.Geteuid() == 0 {
		return nil
	}
	us := "user " + strconv.Itoa(os.Geteuid())
	if u, err := user.Current(); err == nil {
		us = u.Username
	}
	return fmt.Errorf("only root may become another user, and this is %s: start it by sudo, or as %s itself without --user", us, id.Name)
}

// Assume has this process, with all its threads, become it: groups first, since who is not root
// may not change them, the user last. HOME, USER and LOGNAME are set. That there is no way back
// is tried out. After an error the process is neither the one nor the other, and has to end.
func (id *Identity) Assume() error {
	if id.IsOurs() {
		return nil
	}
	if err := id.Check(); err != nil {
		return err
	}
	if err := syscall.Setgroups(id.Groups); err != nil {
		return fmt.Errorf("the groups of %s can not be taken: %w", id.Name, err)
	}
	if err := syscall.Setgid(id.GID); err != nil {
		return fmt.Errorf("the group %d can not be taken: %w", id.GID, err)
	}
	if err := syscall.Setuid(id.UID); err != nil {
		return fmt.Errorf("this process can not become %s: %w", id.Name, err)
	}
	for key, value := range id.variables() {
		_ = os.Setenv(key, value) // fails on names alone
	}
	return id.verify()
}

// verify tells whether something of root is left.
func (id *Identity) verify() error {
	if !id.IsOurs() {
		return fmt.Errorf("this process is user %d and group %d after it became %s", os.Geteuid(), os.Getegid(), id.Name)
	}
	groups, err := os.Getgroups()
	if err != nil {
		return fmt.Errorf("the groups after becoming %s: %w", id.Name, err)
	}
	for _, g := range groups {
		if !slices.Contains(id.Groups, g) {
			return fmt.Errorf("this process has kept the group %d after it became %s", g, id.Name)
		}
	}
	if id.UID != 0 && (syscall.Setuid(0) == nil || syscall.Setgid(0) == nil && id.GID != 0) {
		return fmt.Errorf("this process could become root again after it became %s", id.Name)
	}
	return nil
}

func (id *Identity) variables() map[string]string {
	return map[string]string{"HOME": id.Home, "USER": id.Name, "LOGNAME": id.Name}
}

// Environment is env, of key=value, with what this process has of HOME, USER and LOGNAME changed
// into that of the identity; other values were set on purpose. nil is nil. It is to be called
// before Assume.
func (id *Identity) Environment(env []string) []string {
	if env == nil || id.IsOurs() {
		return env
	}
	own := id.variables()
	list := slices.Clone(env)
	for i, entry := range list {
		key, _, _ := strings.Cut(entry, "=")
		if to, ok := own[key]; ok && entry == key+"="+os.Getenv(key) {
			list[i] = key + "=" + to
		}
	}
	return list
}

// Give makes the files below dir, as far as they are this user's and have one name, the
// identity's.
func (id *Identity) Give(dir string) error {
	if id.IsOurs() {
		return nil
	}
	return giveTree(dir, os.Geteuid(), id)
}

// Create makes the file, if there is none, as the identity's. One that is there is looked at:
// see LeadsAway.
func (id *Identity) Create(path string, mode os.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return id.LeadsAway(path) // or who opens it tells why it can not be
	}
	defer f.Close()
	return f.Chown(id.UID, id.GID)
}

// LeadsAway is an error when the identity's user has put a link where root is about to open a
// file: root would write to what it leads to, whatever that is. A link of somebody else's is
// what it is meant to be, and no file there is none.
func (id *Identity) LeadsAway(path string) error {
	info, err := os.Lstat(path)
	if err != nil || id.IsOurs() {
		return nil
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !ok:
	case info.Mode()&os.ModeSymlink != 0 && int(stat.Uid) == id.UID:
		return fmt.Errorf("it is a symbolic link of %s's, where root would write: remove it", id.Name)
	case info.Mode().IsRegular() && stat.Nlink > 1 && int(stat.Uid) != id.UID:
		return fmt.Errorf("it has another name elsewhere, which %s may have chosen: remove it", id.Name)
	}
	return nil
}
