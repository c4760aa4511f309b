package schema

import (
	"math/big"
	"net/netip"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/gocty"
)

// cidrSubnetFunc is cidrsubnet(prefix, newbits, netnum): one of the equal parts of a network.
func cidrSubnetFunc() function.Function {
	return cidrFunc([]string{"newbits", "netnum"}, func(p netip.Prefix, n []int) (string, error) {
		bits := p.Bits() + n[0]
		if n[0] < 0 || bits > p.Addr().BitLen() {
			return "", valueFree("the network is too small for that many more bits")
		}
		if n[1] < 0 || big.NewInt(int64(n[1])).BitLen() > n[0] {
			return "", valueFree("there is no part of that number")
		}
		addr, ok := offset(p.Addr(), n[1], p.Addr().BitLen()-bits)
		if !ok {
			return "", valueFree("there is no part of that number")
		}
		return netip.PrefixFrom(addr, bits).String(), nil
	})
}

// cidrHostFunc is cidrhost(prefix, hostnum): one address of a network, counted from its end where negative.
func cidrHostFunc() function.Function {
	return cidrFunc([]string{"hostnum"}, func(p netip.Prefix, n []int) (string, error) {
		number := big.NewInt(int64(n[0]))
		if n[0] < 0 {
			number.Add(number, new(big.Int).Lsh(big.NewInt(1), uint(p.Addr().BitLen()-p.Bits())))
		}
		if number.Sign() < 0 || number.BitLen() > p.Addr().BitLen()-p.Bits() {
			return "", valueFree("the network has no address of that number")
		}
		addr, ok := plus(p.Addr(), number)
		if !ok {
			return "", valueFree("the network has no address of that number")
		}
		return addr.String(), nil
	})
}

const (
	wantsNetwork     valueFree = "wants a network such as 10.0.0.0/16"
	wantsWholeNumber valueFree = "wants a whole number"
)

func cidrFunc(numbers []string, work func(netip.Prefix, []int) (string, error)) function.Function {
	params := []function.Parameter{{Name: "prefix", Type: cty.String}}
	for _, name := range numbers {
		params = append(params, function.Parameter{Name: name, Type: cty.Number})
	}
	return function.New(&function.Spec{
		Params: params,
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			p, err := netip.ParsePrefix(args[0].AsString())
			if err != nil {
				return cty.NilVal, function.NewArgError(0, wantsNetwork)
			}
			whole := make([]int, len(numbers))
			for i := range numbers {
				if gocty.FromCtyValue(args[i+1], &whole[i]) != nil {
					return cty.NilVal, function.NewArgError(i+1, wantsWholeNumber)
				}
			}
			out, err := work(p.Masked(), whole)
			return cty.StringVal(out), err
		},
	})
}

func offset(addr netip.Addr, number, shift int) (netip.Addr, bool) {
	return plus(addr, new(big.Int).Lsh(big.NewInt(int64(number)), uint(shift)))
}

func plus(addr netip.Addr, number *big.Int) (netip.Addr, bool) {
	sum := new(big.Int).Add(new(big.Int).SetBytes(addr.AsSlice()), number)
	if sum.BitLen() > addr.BitLen() {
		return addr, false
	}
	return netip.AddrFromSlice(sum.FillBytes(make([]byte, addr.BitLen()/8)))
}
