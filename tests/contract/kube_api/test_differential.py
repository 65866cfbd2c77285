"""Random operations on the simulator and on a real API server: wherever the answers differ, the simulator is wrong.

``pytest tests/contract/kube_api/test_differential.py --kube-sequences 2000 --kube-seed 1`` runs that many sequences
from that seed on; ``KUBE_SEQUENCES`` in the environment does the same. A failure names its seed:
``--kube-sequences 1 --kube-seed SEED`` repeats it alone.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.contract.kube_api.compare import Normaliser, differences
from tests.contract.kube_api.documents import GROUP, WIDGETS
from tests.contract.kube_api.kube import Json, Kube
from tests.contract.kube_api.sequences import Runner, Verb, sequence

SEQUENCES = 2_000
NAMESPACES = 20
SHOWN = 15
THREADS = 4


@pytest.fixture(scope="module")
def prepared(simulated: Kube, real: Kube) -> tuple[Kube, Kube]:
    """Return both servers with the namespaces and the custom kind that sequences use."""
    for kube in (simulated, real):
        made = kube.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", WIDGETS)
        assert made.code in (201, 409), made.body
        for number in range(NAMESPACES):
            body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"d{number}"}}
            assert kube.create("/api/v1/namespaces", body).code in (201, 409)
        _await_widgets(kube)
    return simulated, real


def _await_widgets(kube: Kube) -> None:
    for _ in range(2_000):
        if kube.get(f"/apis/{GROUP}/v1/namespaces/d0/widgets").code == 200:
            return
    pytest.fail(f"{kube.name} does not serve widgets")


def run_sequence(seed: int, simulated: Kube, real: Kube) -> str:
    """Run one sequence on both; return what differed first, or nothing."""
    namespace = f"d{seed % NAMESPACES}"
    runners = (Runner(simulated, namespace), Runner(real, namespace))
    normalisers = (Normaliser(), Normaliser())
    for number, step in enumerate(sequence(seed)):
        answers: list[Json] = []
        for runner, normaliser in zip(runners, normalisers, strict=True):
            reply = runner.run(step)
            if "items" in reply.body:
                mine = [item for item in reply.body["items"] if item["metadata"]["name"].startswith(f"s{seed}-")]
                reply.body["items"] = mine
            answers.append(normaliser.reply(reply, dry_run="dryRun" in step.query and step.verb is not Verb.DELETE))
        found = differences(answers[0], answers[1])
        if found:
            return f"seed {seed}, step {number}: {step}\n    " + "\n    ".join(found[:SHOWN])
    return ""


@pytest.mark.timeout(900)
def test_the_simulator_answers_as_the_real_server_does(
    prepared: tuple[Kube, Kube], request: pytest.FixtureRequest
) -> None:
    count = request.config.getoption("--kube-sequences", default=0) or int(os.environ.get("KUBE_SEQUENCES", SEQUENCES))
    first = request.config.getoption("--kube-seed", default=1)
    with ThreadPoolExecutor(THREADS) as pool:
        found = list(pool.map(lambda seed: run_sequence(seed, *prepared), range(first, first + count)))
    wrong = [each for each in found if each]
    assert not wrong, f"{len(wrong)} of {count} sequences differ\n" + "\n".join(wrong[:SHOWN])
