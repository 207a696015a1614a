"""The scheduler has its workers and shows its pages."""

import httpx
from cryptography import x509

from mspass_stack.spec.inventory import Entry
from mspass_stack.verify.deployed import ANSWER, Deployed
from mspass_stack.verify.pool import Pool
from mspass_stack.verify.strangers import certificate


def test_it_is_where_the_outputs_say(process: Entry, deployed: Deployed) -> None:
    assert deployed.outputs["schedulerAddress"] == process.endpoint
    path = deployed.outputs["dashboardUrl"].rpartition("/")[2]
    assert httpx.get(f"{deployed.pages(process)}/{path}", trust_env=False, timeout=ANSWER).is_success


def test_it_shows_the_certificate_of_its_host(process: Entry, deployed: Deployed) -> None:
    if "dask" in deployed.inventory.encrypted:
        shown = x509.load_der_x509_certificate(certificate(*deployed.place(process, process.ports[0])))
        assert shown.not_valid_after_utc == deployed.inventory.certificate_end(process.host)
        deployed.notes.append(f"TLS: {deployed.inventory.expiry()}")


def test_it_has_the_workers_declared_and_no_others(process: Entry, deployed: Deployed, pool: Pool) -> None:
    declared = sum(worker.workers for worker in deployed.inventory.with_role("worker"))
    assert len(pool.workers) == declared


def test_it_and_its_workers_run_the_same_versions(process: Entry, pool: Pool) -> None:
    assert not {name: observed for name, observed in pool.versions.items() if len(observed) != 1}
