# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034	# run.sh uses what is set here
#
# The systems that run.sh measures: set_up NAME makes one of the two
# namespaces and tells bench what to expect; tear_down undoes what would be in
# the way of the next. What is missing sets "missing" to a line about it.

# What bench is told of the system at hand
transport=	# -t
expect=		# -x
encrypted=	# nothing of the payload is to be seen on the wire
options=()	# more of its options
missing=

declare -A driver=(
	[aes128]=generic-gcm-aesni [aes256]=generic-gcm-aesni
	[chacha]="rfc7539(chacha20-simd,poly1305-simd)"
)
declare -A aead=(
	[aes128]=AES_128_GCM [aes256]=AES_256_GCM
	[chacha]=CHACHA20_POLY1305
)

without_module() {
	! grep -q ^tcpcrypt /proc/modules || rmmod tcpcrypt
}

with_module() {
	grep -q ^tcpcrypt /proc/modules ||
		"$SELFTESTS/guest/insmod.sh" "$MODULE"
}

# need COMMAND PACKAGE
need() {
	command -v "$1" >/dev/null || missing="no $1: apt-get install $2"
	[ -z "$missing" ]
}

# need_module NAME: of the kernel's own
need_module() {
	modprobe "$1" 2>/dev/null || missing="this kernel has no $1"
	[ -z "$missing" ]
}

# --- WireGuard ------------------------------------------------------------

WG_A=10.8.0.1 WG_B=10.8.0.2

# wg_end NAMESPACE ADDRESS PEER: after both have keys
wg_end() {
	ip -n "$1" link add wg0 type wireguard &&
	in_ns "$1" wg set wg0 listen-port 51820 \
		private-key "$TESTDIR/wg.$1" &&
	ip -n "$1" addr add "$2/24" dev wg0 && ip -n "$1" link set wg0 up
}

# wg_peer NAMESPACE PEER ADDRESS ENDPOINT
wg_peer() {
	in_ns "$1" wg set wg0 peer "$(wg pubkey <"$TESTDIR/wg.$2")" \
		allowed-ips "$3/32" endpoint "$4:51820"
}

set_up_wireguard() {
	local ns

	need wg wireguard-tools && need_module wireguard || return 0
	for ns in a b; do
		(umask 077; wg genkey >"$TESTDIR/wg.$ns") || return 1
	done
	wg_end a $WG_A && wg_end b $WG_B && wg_peer a b $WG_B "$B4" &&
		wg_peer b a $WG_A "$A4"
	encrypted=1 options=(-d "$WG_B")
}

# --- IPsec ----------------------------------------------------------------

# AES-128-GCM: 16 bytes of key, 4 of salt. Each direction has its own.
ESP_KEY_AB=0x$(printf '%040d' 12)
ESP_KEY_BA=0x$(printf '%040d' 21)

# esp_state NAMESPACE SOURCE DESTINATION SPI KEY
esp_state() {
	ip -n "$1" xfrm state add src "$2" dst "$3" proto esp spi "$4" \
		reqid 1 mode transport aead "rfc4106(gcm(aes))" "$5" 128
}

# esp_policy NAMESPACE SOURCE DESTINATION DIRECTION
esp_policy() {
	ip -n "$1" xfrm policy add src "$2" dst "$3" dir "$4" \
		tmpl src "$2" dst "$3" proto esp reqid 1 mode transport
}

set_up_ipsec() {
	local ns

	for ns in a b; do
		esp_state $ns "$A4" "$B4" 1 "$ESP_KEY_AB" &&
		esp_state $ns "$B4" "$A4" 2 "$ESP_KEY_BA" || return 1
	done
	esp_policy a "$A4" "$B4" out && esp_policy a "$B4" "$A4" in &&
	esp_policy b "$A4" "$B4" in && esp_policy b "$B4" "$A4" out
	encrypted=1
}

tear_down_ipsec() {
	local ns

	for ns in a b; do
		ip -n $ns xfrm policy flush
		ip -n $ns xfrm state flush
	done
}

# --- stunnel --------------------------------------------------------------

STUNNEL_PORT=4000	# plain, at both ends

# stunnel_end NAMESPACE SERVICE: its pid in stunnel_pids
stunnel_pids=()
stunnel_end() {
	cat >"$TESTDIR/stunnel.$1" <<-END
		foreground = yes
		debug = err
		pid =
		sslVersion = TLSv1.3
		ciphersuites = TLS_AES_128_GCM_SHA256
		curves = X25519
		socket = l:TCP_NODELAY=1
		socket = r:TCP_NODELAY=1
		$2
	END
	in_background "$1" "$TESTDIR/stunnel.$1.log" stunnel \
		"$TESTDIR/stunnel.$1"
	stunnel_pids+=($!)
}

set_up_stunnel() {
	need stunnel stunnel4 && need openssl openssl || return 0
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-subj /CN=bench -days 3650 -keyout "$TESTDIR/key.pem" \
		-out "$TESTDIR/cert.pem" 2>/dev/null || return 1
	stunnel_end b "$(printf '%s\n' "[bench]" "accept = $B4:4001" \
		"connect = 127.0.0.1:$STUNNEL_PORT" \
		"cert = $TESTDIR/cert.pem" "key = $TESTDIR/key.pem")"
	stunnel_end a "$(printf '%s\n' "[bench]" "client = yes" \
		"accept = 127.0.0.1:$STUNNEL_PORT" "connect = $B4:4001" \
		"verifyPeer = yes" "CAfile = $TESTDIR/cert.pem")"
	wait_listen b 4001 && wait_listen a $STUNNEL_PORT || return 1
	encrypted=1 options=(-d 127.0.0.1 -p "$STUNNEL_PORT")
}

tear_down_stunnel() {
	local pid

	for pid in "${stunnel_pids[@]}"; do
		stop "$pid"
	done
	stunnel_pids=()
}

# --- all ------------------------------------------------------------------

set_up_tcpcrypt() {
	encrypted=1 expect=${driver[$1]}
	with_module && mode both && set_sysctl a aeads "${aead[$1]}" &&
		set_sysctl b aeads "${aead[$1]}"
}

set_up() {
	transport=tcp expect='' encrypted='' options=() missing=
	case $1 in
	tcp-off) with_module && mode none; return ;;
	tcp-peer) with_module && mode client; return ;;
	tcpcrypt-*) set_up_tcpcrypt "${1#*-}"; return ;;
	# for check.sh: what is refused
	pretend) encrypted=1; with_module && mode none; return ;;
	contrary) set_up_tcpcrypt aes128; encrypted=''; return ;;
	esac
	without_module || return 1
	case $1 in
	tcp) ;;
	tls*)
		encrypted=1 transport=$1
		"$BENCH" -L | grep -qx "$1" ||
			missing="built without OpenSSL: apt-get install libssl-dev"
		[ "$1" = tls ] || { expect=tls && need_module tls; }
		;;
	ktls-*)
		encrypted=1 expect=tls transport=$1
		need_module tls
		;;
	wireguard) set_up_wireguard ;;
	ipsec)
		modprobe -r esp4_offload 2>/dev/null
		need_module esp4 && set_up_ipsec
		;;
	ipsec-offload) need_module esp4_offload && set_up_ipsec ;;
	stunnel) set_up_stunnel ;;
	*) die "no system '$1'" ;;
	esac
}

tear_down() {
	case $1 in
	wireguard)
		ip -n a link del wg0 2>/dev/null
		ip -n b link del wg0 2>/dev/null
		;;
	ipsec*) tear_down_ipsec ;;
	stunnel) tear_down_stunnel ;;
	esac
}
