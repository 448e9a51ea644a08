"""Training mode's own world: it starts by itself, pairs by itself, and resumes on the same folder."""

import subprocess
from pathlib import Path

import httpx
import psutil  # type: ignore[import-untyped]  # it ships none
import pytest

from pos_app.commands import children
from pos_app.commands.training import SHOP_NAME, _register_confirmations, training
from pos_app.domain.shop import Pairing


def stored(folder: Path, *arguments: str) -> str:
    command = [*children.program("relay"), *arguments, "--json", "--store", f"sqlite:///{folder / 'relay.db'}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_the_same_folder_pairs_again_and_keeps_its_record(tmp_path: Path) -> None:
    with training(tmp_path) as first:
        assert httpx.get(first.phone_page, trust_env=False).status_code == 200
        told = httpx.get(f"{first.daraja_url}/simulator/state", trust_env=False).text
        assert f"{first.pairing.callback_base}/c2b/confirm" in told
        callback = f"{first.pairing.callback_base}/c2b/confirm"
        assert httpx.post(callback, json={"TransID": "UKN7BX41QP"}, trust_env=False).status_code == 200
    with training(tmp_path) as second:
        assert second.pairing.stream == first.pairing.stream
        assert second.pairing.token != first.pairing.token
        assert second.pairing.till_code == first.pairing.till_code
        events = httpx.get(
            f"{second.pairing.relay_url}/v1/events/{second.pairing.stream}",
            params={"epoch": "", "after": 0, "chain": "", "wait": 0},
            headers={"Authorization": f"Bearer {second.pairing.token}"},
            trust_env=False,
        )
        assert b"UKN7BX41QP" in events.content
    assert stored(tmp_path, "shop", "list").count(SHOP_NAME) == 1
    assert stored(tmp_path, "till", "list").count('"paired_at"') == 1


def test_what_is_set_for_a_real_relay_does_not_reach_the_training_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = tmp_path / "real.highwater"
    monkeypatch.setenv("RELAY_HIGH_WATER", str(real))
    monkeypatch.setenv("RELAY_PUBLIC_URL", "https://relay.example.co.ke")
    monkeypatch.setenv("RELAY_SOURCE_IPS", "196.201.214.200")
    folder = tmp_path / "training"
    folder.mkdir()
    with training(folder) as access:
        assert access.pairing.callback_base.startswith(f"{access.pairing.relay_url}/h/")
    assert not real.exists()


def test_a_relay_that_cannot_start_is_said_and_its_simulator_ends_quietly(tmp_path: Path) -> None:
    (tmp_path / "relay.db").write_text("this is not a database, but it is longer than a header of one" * 20)
    with pytest.raises(children.ChildError, match="training relay did not start"), training(tmp_path):
        raise AssertionError
    assert (tmp_path / "simulator.log").read_text() == ""


def test_a_second_world_beside_the_first_is_refused_by_the_store_and_leaves_no_child(tmp_path: Path) -> None:
    arguments = ["serve", "--port", "0", "--store", f"sqlite:///{tmp_path / 'relay.db'}"]
    with children.Server("relay", arguments, tmp_path / "first.log") as first:
        first.wait_ready()
        with pytest.raises(children.ChildError, match="training relay did not start"), training(tmp_path):
            raise AssertionError
        assert [child.pid for child in psutil.Process().children()] == [first.pid]


def test_a_simulator_that_does_not_answer_is_said() -> None:
    pairing = Pairing("http://127.0.0.1:1", "Duka", "st_1", "till_1", "1", "", "http://127.0.0.1:1/h/key", "")
    with pytest.raises(children.ChildError, match=r"^The training simulator does not answer"):
        _register_confirmations("http://127.0.0.1:1", pairing)
