"""Whose IP address a request of the web counts for. Pure: who limits by address needs the customer's, not a proxy's."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def client_address(
    peer: str | None, headers: Mapping[str, str], proxies: tuple[Network, ...], header: str
) -> str:
    """The IP address that counts: the peer's, or the last one in the header that is not a proxy of ours.

    The header is believed only from our own proxies. An IPv6 address counts as its /64, which one household has.
    """
    address = _parsed(peer or "")
    if address is not None and _within(address, proxies):
        for hop in reversed(headers.get(header, "").split(",")):
            found = _parsed(hop.strip())
            if found is None:
                break
            address = found
            if not _within(found, proxies):
                break
    if address is None:
        return "unknown"
    if address.version == 6:
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def _parsed(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _within(address: ipaddress.IPv4Address | ipaddress.IPv6Address, networks: tuple[Network, ...]) -> bool:
    return any(address in network for network in networks)
