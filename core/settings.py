"""Where things lie on this machine, from environment variables that begin with OUTSKIRTS_."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import PositiveInt, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from core.errors import OutskirtsError

__all__ = ["ROOT", "Settings", "settings"]

ROOT = Path(__file__).resolve().parent.parent
PREFIX = "OUTSKIRTS_"


class Settings(BaseSettings):
    """Folders, how long a lesson is, who may look; a variable that is set to nothing is not set.

    It does not mean the current folder.

    Attributes:
        data: training data in torchvision's layout; needed by ``train`` only.
        checkpoints: one folder a scenario.
        lectures: one file a lecture.
        runs: logs and interrupted training.
        lesson_steps: of each training of a live lesson.
        notes: the file of named notebooks; None: each visitor's browser keeps its own.
        login: "oidc": every page asks its visitor to log in first.
        oidc_redirect_uri: with the other four, the provider of that login, in place of [auth] in
            .streamlit/secrets.toml.
        oidc_cookie_secret: what cookies of who is logged in are signed with.
        oidc_client_id: this server's name at the provider.
        oidc_client_secret: its password there.
        oidc_metadata_url: where the provider says where its pages are.
        metrics: whether the server tells its metrics to whoever asks.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True)

    data: Path = ROOT / "data"
    checkpoints: Path = ROOT / "checkpoints"
    lectures: Path = ROOT / "lectures"
    runs: Path = ROOT / "runs"
    lesson_steps: PositiveInt = 300
    notes: Path | None = None
    login: Literal["", "oidc"] = ""
    oidc_redirect_uri: str = ""
    oidc_cookie_secret: str = ""
    oidc_client_id: str = ""
    oidc_client_secret: str = ""
    oidc_metadata_url: str = ""
    metrics: bool = False

    def provider(self) -> dict[str, str]:
        """What the environment says of the login's provider, by Streamlit's names; {}: nothing."""
        said = {
            "redirect_uri": self.oidc_redirect_uri,
            "cookie_secret": self.oidc_cookie_secret,
            "client_id": self.oidc_client_id,
            "client_secret": self.oidc_client_secret,
            "server_metadata_url": self.oidc_metadata_url,
        }
        return {name: value for name, value in said.items() if value}


@cache
def settings() -> Settings:
    """The settings of this process, read from the environment once.

    Raises:
        OutskirtsError: a variable has a value that it cannot have.
    """
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "".join(map(str, first["loc"][:1])).upper()
        words = f"{first['msg'][:1].lower()}{first['msg'][1:]}"
        raise OutskirtsError(f"{PREFIX}{name.removeprefix(PREFIX)}: {words}") from None
