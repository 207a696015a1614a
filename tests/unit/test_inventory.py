"""What the inventory says of a stack to whoever looks at it."""

from datetime import UTC, datetime, timedelta

import pytest

from mspass_stack.spec.inventory import CONTROL_NODE, Inventory

SOON, LATE = (datetime.now(UTC) + timedelta(days=days, hours=1) for days in (40, 1000))


def _inventory(*encrypted: str, **certificates: datetime) -> Inventory:
    inventory = Inventory(stack="s", stack_id="1", hosts={}, encrypted=[*encrypted], collections={}, processes=[])
    return inventory.model_copy(
        update={"certificates": {name.replace("_", " "): end for name, end in certificates.items()}}
    )


def test_a_stack_without_certificates_says_nothing_of_them() -> None:
    assert _inventory().expiry() == ""


def test_the_end_of_the_first_certificate_is_told() -> None:
    later = LATE + timedelta(days=1)
    assert _inventory(lab1=later, lab2=LATE).expiry() == f"certificates hold until {LATE:%Y-%m-%d}"


@pytest.mark.parametrize("holder", ["lab2", CONTROL_NODE])
@pytest.mark.parametrize(
    ("pool", "cost"),
    [
        (["dask"], ", which restarts the pool"),
        (["dask", "http"], ", which restarts the pool and Jupyter"),
        ([], ""),
    ],
    ids=["a pool", "a pool and Jupyter", "none"],
)
def test_two_months_before_its_end_it_warns_and_says_what_renews_it(holder: str, pool: list[str], cost: str) -> None:
    renewed = SOON - timedelta(days=30)
    assert _inventory("mongodb", *pool, **{"lab1": LATE, holder.replace(" ", "_"): SOON}).expiry() == (
        f"WARNING: the certificate of {holder} ends on {SOON:%Y-%m-%d} (in 40 days): "
        f"pulumi up renews it from {renewed:%Y-%m-%d} on{cost}"
    )
