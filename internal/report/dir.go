package report

import (
	"bufio"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// CheckDir makes the directory when it is not there, and sees whether WriteDir
// will be able to write into it.
func CheckDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("making the report directory: %w", err)
	}
	file, err := os.CreateTemp(dir, ".check-*")
	if err != nil {
		return fmt.Errorf("writing into the report directory: %w", err)
	}
	return errors.Join(file.Close(), os.Remove(file.Name()))
}

// WriteDir writes MigrationStatistics.csv, MigrationErrors.csv and report.html
// into a directory, which it makes when it is not there. Each file replaces the
// one before it as a whole; after an error some may be new and some old.
func WriteDir(dir string, s Summary) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("making the report directory: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("opening the report directory: %w", err)
	}
	defer func() { _ = root.Close() }()
	for _, file := range []struct {
		name  string
		write func(io.Writer, Summary) error
	}{
		{StatisticsFile, writeStatistics},
		{ErrorsFile, writeErrors},
		{HTMLFile, HTML},
	} {
		if err := replace(root, file.name, func(w io.Writer) error { return file.write(w, s) }); err != nil {
			return fmt.Errorf("writing %s: %w", file.name, err)
		}
	}
	return nil
}

// replace writes a file under another name and renames it when it is whole and
// on disk.
func replace(root *os.Root, name string, write func(io.Writer) error) (err error) {
	temp := "." + name + "." + rand.Text()
	file, err := root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err == nil {
			return
		}
		if gone := root.Remove(temp); gone != nil && !errors.Is(gone, fs.ErrNotExist) {
			err = errors.Join(err, gone)
		}
	}()
	buffered := bufio.NewWriter(file)
	err = write(buffered)
	if err == nil {
		err = buffered.Flush()
	}
	if err == nil {
		err = file.Sync()
	}
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	return root.Rename(temp, name)
}
