package hba

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

func (p *parser) address() {
	if p.rule.Type == Local {
		return
	}
	w, ok := p.single("address")
	if !ok {
		return
	}
	a := &p.rule.Address
	switch {
	case w.quoted:
		p.numeric(w)
	case w.text == "all":
		a.Kind = AnyAddress
	case w.text == "samehost":
		a.Kind = SameHost
	case w.text == "samenet":
		a.Kind = SameNet
	default:
		p.numeric(w)
	}
}

// numeric reads an IP address with its mask, or else a host name.
func (p *parser) numeric(w word) {
	a := &p.rule.Address
	text, bits, slash := strings.Cut(w.text, "/")
	ip, ok := numericAddress(text)
	if ok && ip.Is4() && ip.String() != text {
		p.warn(w, "%q is the address %s", text, ip).hint("write it with four numbers")
	}
	switch {
	case !ok && interfaceZone(text):
		p.rule.Open = true // the server knows whether it has the interface; without it this is a host name
	case !ok && slash:
		p.wrongWord(w, "%q is not a network", w.text).hint("write it like 10.0.0.0/8; a host name takes no mask")
	case !ok:
		p.hostName(w)
	case slash:
		mask, ok := bitsMask(bits, ip)
		if whole, isMask := numericAddress(bits); !ok && isMask && strings.Contains(bits, ".") == ip.Is4() && len(bits) > 3 {
			p.wrongWord(w, "%q is not a network", w.text).hint("write " + text + " " + whole.String())
			return
		}
		if !ok {
			p.wrongWord(w, "%q is not a network", w.text).hint("behind the slash of an " + family(ip) + " address stands a number from 0 to " + strconv.Itoa(ip.BitLen()))
			return
		}
		*a = Address{Kind: Network, IP: ip, Mask: mask}
	default:
		*a = Address{Kind: Network, IP: ip}
		p.mask(w)
	}
}

func (p *parser) hostName(w word) {
	p.rule.Address = Address{Kind: HostName, Host: w.text}
	switch lower := strings.ToLower(w.text); {
	case w.text != "" && strings.Trim(w.text, "0123456789.") == "":
		p.warn(w, "%q is not an address, and is taken for a host name", w.text).hint("write it like 10.0.0.0/8")
	case !w.quoted && (w.text == "*" || lower == "all" || lower == "samehost" || lower == "samenet"):
		p.warn(w, "%q is taken for a host name", w.text).hint("write " + strings.Replace(lower, "*", "all", 1))
	case !w.quoted && (strings.HasPrefix(lower, "same") || lower == "any") && !strings.Contains(lower, "."):
		p.warn(w, "%q is taken for a host name", w.text).misspelt(w.text, []string{"samenet", "samehost"})
	}
}

// mask reads the field behind an address without a slash.
func (p *parser) mask(address word) {
	a := &p.rule.Address
	w, ok := p.single("mask")
	if !ok {
		return
	}
	mask, ok := numericAddress(w.text)
	switch bits, slash := strings.CutPrefix(w.text, "/"); {
	case slash && bits != "":
		p.wrongWord(w, "%q is not a mask", w.text).hint("write " + address.text + w.text)
		return
	case !ok && slices.Contains(p.methods(), w.text):
		p.wrongWord(address, "%q has no mask", address.text).hint(fmt.Sprintf("write %s/%d for it alone", a.IP, a.IP.BitLen()))
		return
	case !ok:
		p.wrongWord(w, "%q is not a mask", w.text).hint(fmt.Sprintf("write %s/%d, or a mask such as %s", a.IP, a.IP.BitLen(), exampleMask(a.IP)))
		return
	case mask.BitLen() != a.IP.BitLen():
		p.wrongWord(w, "the mask is %s, the address %s", family(mask), family(a.IP))
		return
	}
	a.Mask = mask
	if _, ok := a.prefix(); !ok {
		p.warn(w, "the mask %s is not ones and then zeros", w.text).hint("is it meant?")
	}
}

func family(a netip.Addr) string {
	if a.Is4() {
		return "IPv4"
	}
	return "IPv6"
}

func exampleMask(a netip.Addr) string {
	if a.Is4() {
		return "255.255.255.0"
	}
	return "ffff:ffff::"
}

// prefix is the network as address and bits; false where its mask is not ones and then zeros.
func (a Address) prefix() (netip.Prefix, bool) {
	bits, ended := 0, false
	for _, b := range a.Mask.AsSlice() {
		for i := 7; i >= 0; i-- {
			one := b>>i&1 == 1
			if one && ended {
				return netip.Prefix{}, false
			}
			ended = ended || !one
			if one {
				bits++
			}
		}
	}
	return netip.PrefixFrom(a.IP, bits).Masked(), true
}

// bitsMask is the mask behind a slash, which the server reads with strtol.
func bitsMask(text string, a netip.Addr) (netip.Addr, bool) {
	n, err := strconv.Atoi(strings.TrimLeft(text, " \t\n\v\f\r"))
	if err != nil || n < 0 || n > a.BitLen() {
		return netip.Addr{}, false
	}
	mask := make([]byte, a.BitLen()/8)
	for i := range n {
		mask[i/8] |= 0x80 >> (i % 8)
	}
	out, _ := netip.AddrFromSlice(mask)
	return out, true
}

// numericAddress reads what the server's getaddrinfo takes for an address without asking anybody: IPv6, and IPv4 in the
// forms of inet_aton, in which 10.1 is 10.0.0.1 and a part may be octal or hexadecimal.
func numericAddress(text string) (netip.Addr, bool) {
	if strings.Contains(text, ":") {
		plain, zone, zoned := strings.Cut(text, "%")
		a, err := netip.ParseAddr(plain)
		if err != nil || zoned && !numericZone(zone) {
			return netip.Addr{}, false
		}
		return a, true
	}
	parts := strings.Split(text, ".")
	if len(parts) > 4 {
		return netip.Addr{}, false
	}
	var value uint64
	for i, p := range parts {
		bits := 8
		if i == len(parts)-1 {
			bits = 8 * (5 - len(parts))
		}
		n, ok := cNumber(p, bits)
		if !ok {
			return netip.Addr{}, false
		}
		value = value<<bits | n
	}
	return netip.AddrFrom4([4]byte{byte(value >> 24), byte(value >> 16), byte(value >> 8), byte(value)}), true
}

// cNumber is a number as in C: 10, 012, 0xa.
func cNumber(text string, bits int) (uint64, bool) {
	base := 10
	switch lower := strings.ToLower(text); {
	case strings.HasPrefix(lower, "0x") && len(text) > 2:
		text, base = text[2:], 16
	case len(text) > 1 && text[0] == '0':
		text, base = text[1:], 8
	}
	n, err := strconv.ParseUint(text, base, bits)
	return n, err == nil
}

func numericZone(zone string) bool {
	_, err := strconv.ParseUint(zone, 10, 32)
	return err == nil
}

// interfaceZone is true for an address on the link of one of the machine's interfaces: fe80::1%eth0.
func interfaceZone(text string) bool {
	plain, zone, zoned := strings.Cut(text, "%")
	a, err := netip.ParseAddr(plain)
	return err == nil && zoned && zone != "" && (a.IsLinkLocalUnicast() || a.IsLinkLocalMulticast())
}
