"""Claims: a browser says that it is a customer, and only the site itself can prove it."""

from collections.abc import Sequence

from profiles.consent import record as consent
from profiles.fold import orders
from profiles.model import CUSTOMERS_KEPT, TRAITS_KEPT, VISITORS_KEPT, Profile


def prove(customer: Profile) -> None:
    """Mark the customer as identified by the site itself, in place, and clear what claims had set."""
    orders.prove(customer)
    consent.clear(customer)
    customer.exposure, customer.cart = {}, {}
    customer.device = customer.browser = customer.os = customer.country = customer.lang = ""
    customer.demo = False


def claimed_by(customer: Profile, visitor: str) -> None:
    """Add, in place, a browser that claims to be the customer; the last VISITORS_KEPT stay."""
    if visitor in customer.claimants or visitor in customer.visitors:
        return
    customer.claimants.append(visitor)
    del customer.claimants[:-VISITORS_KEPT]


def claimed_customers(customers: Sequence[str], newest: str) -> list[str]:
    """The customers that a browser has claimed to be, after it claims to be ``newest``: the newest first,
    CUSTOMERS_KEPT at most. The last one is the first it claimed to be, who has its earlier history: it always stays."""
    if not customers or customers[0] == newest:
        return [newest, *customers[1:]]
    first = customers[-1]
    between = [each for each in customers[:-1] if each not in (newest, first)]
    return [newest, *between[: CUSTOMERS_KEPT - 2], first]


def claim_trait(customer: Profile, name: str, value: object) -> None:
    """Set a trait by a claim, in place, None to remove it. A trait that is not itself a claim stays as it is."""
    claimed = name in customer.claims
    if name in customer.traits and not claimed:
        return
    if value is None:
        if claimed:
            customer.claims.remove(name)
            del customer.traits[name]
    elif claimed or len(customer.traits) < TRAITS_KEPT:
        customer.traits[name] = value
        if not claimed:
            customer.claims.append(name)


def learn_trait(profile: Profile, name: str, value: object) -> None:
    """Set a trait by the site or the person's own browser, in place, None to remove it. Claimed traits make room."""
    if name in profile.claims:
        profile.claims.remove(name)
    if value is None:
        profile.traits.pop(name, None)
        return
    if name not in profile.traits and len(profile.traits) >= TRAITS_KEPT:
        if not profile.claims:
            return
        del profile.traits[profile.claims.pop(0)]
    profile.traits[name] = value
