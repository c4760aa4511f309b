package watch

import (
	"strings"
	"testing"
)

func TestHidePasswords(t *testing.T) {
	for line, want := range map[string]string{
		`ALTER ROLE a PASSWORD 'hunter2'`:                              `ALTER ROLE a PASSWORD (sensitive)`,
		`ALTER ROLE a PASSWORD E'hun\'ter2' VALID UNTIL 'x'`:           `ALTER ROLE a PASSWORD (sensitive) VALID UNTIL 'x'`,
		`ALTER ROLE a PASSWORD U&'hunter2'`:                            `ALTER ROLE a PASSWORD (sensitive)`,
		`ALTER ROLE a PASSWORD 'hun''ter2';`:                           `ALTER ROLE a PASSWORD (sensitive);`,
		`ALTER ROLE a PASSWORD $$hunter 2$$`:                           `ALTER ROLE a PASSWORD (sensitive)`,
		`ALTER ROLE a PASSWORD $x$hunter 2$x$ LOGIN`:                   `ALTER ROLE a PASSWORD (sensitive) LOGIN`,
		`ALTER ROLE a PASSWORD 'hunter2, and the line was cut`:         `ALTER ROLE a PASSWORD (sensitive)`,
		`host=a password=hunter2 dbname=x`:                             `host=a password=(sensitive) dbname=x`,
		`host=a password='hunter 2' dbname=x`:                          `host=a password=(sensitive) dbname=x`,
		`host=a passwd=hunter2`:                                        `host=a passwd=(sensitive)`,
		`password: hunter2`:                                            `password: (sensitive)`,
		`{"password": "hunter2", "user": "a"}`:                         `{"password": (sensitive), "user": "a"}`,
		`{"password":"hun\"ter2"}`:                                     `{"password":(sensitive)}`,
		`postgres://app:hunter2@db/x`:                                  `postgres://app:(sensitive)@db/x`,
		`DB_PASSWORD=hunter2`:                                          `DB_PASSWORD=(sensitive)`,
		`FATAL:  password authentication failed for user "a"`:          `FATAL:  password authentication failed for user "a"`,
		`HINT:  give the password "again"`:                             `HINT:  give the password (sensitive)`, // better too much
		`SCRAM-SHA-256$4096:hunter2$hunter2:hunter2 is what is stored`: `(sensitive) is what is stored`,
	} {
		if got := hidePasswords(line); got != want {
			t.Errorf("%s\nbecomes\n%s\nwanted\n%s", line, got, want)
		} else if strings.Contains(got, "unter") {
			t.Errorf("%s shows it", got)
		}
	}
}
