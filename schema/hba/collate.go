package hba

import "strings"

// collating are the names that characters have between [. and .], from code 0 on; a code may have two.
const collating = `NUL SOH STX ETX EOT ENQ ACK BEL,alert BS,backspace HT,tab LF,newline VT,vertical-tab FF,form-feed CR,carriage-return
SO SI DLE DC1 DC2 DC3 DC4 NAK SYN ETB CAN EM SUB ESC IS4,FS IS3,GS IS2,RS IS1,US
space exclamation-mark quotation-mark number-sign dollar-sign percent-sign ampersand apostrophe left-parenthesis right-parenthesis
asterisk plus-sign comma hyphen,hyphen-minus period,full-stop slash,solidus zero one two three four five six seven eight nine
colon semicolon less-than-sign equals-sign greater-than-sign question-mark commercial-at
A B C D E F G H I J K L M N O P Q R S T U V W X Y Z
left-square-bracket backslash,reverse-solidus right-square-bracket circumflex,circumflex-accent underscore,low-line grave-accent
a b c d e f g h i j k l m n o p q r s t u v w x y z
left-brace,left-curly-bracket vertical-line right-brace,right-curly-bracket tilde DEL`

// collatingElement is the character of such a name, which may be the character itself.
func collatingElement(name []rune) (rune, bool) {
	if len(name) == 1 {
		return name[0], true
	}
	for code, names := range strings.Fields(collating) {
		for one := range strings.SplitSeq(names, ",") {
			if one == string(name) {
				return rune(code), true
			}
		}
	}
	return 0, false
}
