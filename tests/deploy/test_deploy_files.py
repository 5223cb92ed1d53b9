"""What stands in deploy/ twice, or there and in the app, says the same in both places."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from serving import ROOT

from core.settings import Settings
from deploy.audit import told
from deploy.image_size import CUDA_FILE, closure, weight
from pages._shared.uploads import MAX_BYTES

DEPLOY = ROOT / "deploy"
NGINX = (DEPLOY / "nginx.conf").read_text()
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
README = (ROOT / "README.md").read_text()
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()


def test_the_proxy_lets_through_what_the_app_takes_and_no_more() -> None:
    config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())
    most = config["server"]["maxUploadSize"]
    (limit,) = re.findall(r"client_max_body_size (\d+)m;", NGINX)
    assert int(limit) == most + 1, "the form around a file has a few bytes"
    assert f"A file may have {most} MB." in NGINX
    assert int(limit) * 2**20 < MAX_BYTES


def test_the_proxy_and_the_app_agree_on_ports_and_the_path() -> None:
    app, proxy = COMPOSE["services"]["app"], COMPOSE["services"]["proxy"]
    assert f"/{app['environment']['STREAMLIT_SERVER_BASE_URL_PATH']}/" in NGINX
    assert f"server app:{app['expose'][0]};" in NGINX
    assert f"--server.port={app['expose'][0]}" in DOCKERFILE
    (published,) = proxy["ports"]
    assert f"listen {published.rpartition(':')[2]};" in NGINX
    assert published.startswith("${PUBLISH:-127.0.0.1:"), "nobody is shown it who was not asked to"
    assert "ports" not in app, "it is reached through the proxy alone"


def test_a_certificate_is_lines_that_compose_publishes_and_mounts_and_the_readme_names() -> None:
    given = re.sub(r"(?m)^( +)# HTTPS: ", r"\1", (DEPLOY / "compose.yaml").read_text())
    proxy = yaml.safe_load(given)["services"]["proxy"]
    lines = re.findall(r"(?m)^#     (\w.*;)$", NGINX)
    (port,) = [p for p in proxy["ports"] if p not in COMPOSE["services"]["proxy"]["ports"]]
    assert lines[0] == f"listen {port.rpartition(':')[2]} ssl;"
    mounts = set(proxy["volumes"]) - set(COMPOSE["services"]["proxy"]["volumes"])
    ((here, there, mode),) = (mount.split(":") for mount in mounts)
    files = [re.fullmatch(rf"ssl_certificate\w* {there}/(.+);", line) for line in lines[1:]]
    assert mode == "ro"
    assert f"/deploy/{here.removeprefix('./')}/" in (ROOT / ".gitignore").read_text().split()
    (about,) = re.findall(r"(?m)^Give nginx a certificate(?:.|\n)*?\n\n", README)
    names = [found[1] for found in files if found]
    assert len(names) == len(lines) - 1 == 2
    for word in (*names, here.replace(".", "deploy", 1), port.partition(":")[0], "# HTTPS:"):
        assert word in about, word


def test_every_variable_that_is_handed_on_is_one_of_the_apps() -> None:
    named = {*COMPOSE["services"]["app"]["environment"], *re.findall(r"OUTSKIRTS_\w+", DOCKERFILE)}
    ours = {name for name in named if name.startswith("OUTSKIRTS_")}
    known = {f"OUTSKIRTS_{field.upper()}" for field in Settings.model_fields}
    assert ours <= known
    assert {name for name in known if "OIDC" in name or "LOGIN" in name} <= ours


def test_scenarios_of_ones_own_are_named_to_the_container_in_the_folder_it_keeps() -> None:
    app, said = COMPOSE["services"]["app"], (ROOT / "README.md").read_text()
    assert app["environment"]["OUTSKIRTS_CHECKPOINTS"] == "${OUTSKIRTS_CHECKPOINTS:-}"
    assert "data:/data" in app["volumes"]
    assert "OUTSKIRTS_CHECKPOINTS=/data/checkpoints" in said.partition("## A scenario of one")[2]


def test_both_containers_are_without_privileges_and_write_nowhere_else() -> None:
    for name, service in COMPOSE["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
    assert re.search(r"^USER (?!root|0)\w+$", DOCKERFILE, re.MULTILINE)
    assert DOCKERFILE.index("\nUSER ") > DOCKERFILE.rindex("\nRUN ")
    assert "core check --server" in DOCKERFILE
    assert "requirements-" not in DOCKERFILE


def tracked(folder: Path) -> bool:
    """Whether the project has something in it: not what it is to be written to."""
    return f"/{folder.name}/" not in (ROOT / ".gitignore").read_text().split()


def test_the_image_holds_what_runs_and_no_secret() -> None:
    lines = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    copied = [rule[1:] for rule in rules if rule.startswith("!")]
    assert all((ROOT / name).exists() for name in copied)
    assert {"app.py", "core", "pages", "requirements.txt"} <= set(copied)
    ours = [field.default for field in Settings.model_fields.values()]
    shipped = {p.name for p in ours if isinstance(p, Path) and p.parent == ROOT and tracked(p)}
    assert {"checkpoints", "lectures"} <= shipped <= set(copied)
    assert rules.index(".streamlit/*") < rules.index("!.streamlit/config.toml")
    assert not any("secrets" in name for name in copied)
    ignored = (ROOT / ".gitignore").read_text().split()
    assert ".streamlit/secrets.toml" in ignored


def test_the_lock_has_a_hash_for_every_package_at_the_version_that_runs() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    locked = dict(re.findall(r"^([\w.-]+)==(\S+) \\\n    --hash=sha256:", lock, re.MULTILINE))
    assert len(locked) == len(re.findall(r"^[\w.-]+==", lock, re.MULTILINE)) > 50
    for line in (ROOT / "requirements.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            name, version = line.split("==")
            assert locked[re.sub(r"[-_.]+", "-", name).lower()] == version, "run make lock"
    assert str(ROOT) not in lock


@pytest.mark.parametrize(
    ("rows", "status", "last"),
    [
        ([{"name": "a", "version": "1", "vulns": []}] * 2, 0, "2 of 2 packages looked up, 0 known"),
        ([{"name": "a", "skip_reason": "x"}], 2, "0 of 1 packages looked up: the data of pypi.org"),
        (
            [{"name": "a", "version": "1", "vulns": []}, {"name": "b", "skip_reason": "x"}],
            2,
            "1 of 2 packages looked up",
        ),
        (
            [{"name": "a", "version": "1", "vulns": [{"id": "V-1", "fix_versions": ["2"]}]}],
            1,
            "1 of 1 packages looked up, 1 known",
        ),
    ],
)
def test_an_audit_that_could_not_look_is_no_clean_bill(rows, status: int, last: str) -> None:
    found, lines = told(rows)
    assert found == status
    assert lines[-1].startswith(last)
    if status == 1:
        assert lines[0] == "a 1: V-1, mended in 2"


@pytest.mark.slow
def test_the_image_is_weighed_without_cuda() -> None:
    packages = closure(ROOT / "requirements.txt")
    assert {"torch", "streamlit", "timm"} <= set(packages)
    assert not [name for name in packages if name.startswith(("nvidia", "cuda", "triton"))]
    torch = packages["torch"]
    assert weight(torch) > 300e6
    assert all(
        CUDA_FILE.search(f"torch/lib/{name}")
        for name in ("libtorch_cuda.so", "libc10_cuda.so", "libtorch_nvshmem.so")
    )
    assert not CUDA_FILE.search("torch/lib/libtorch_cpu.so")
