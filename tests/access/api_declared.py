"""An app that declares an API of others, with its credential in Secrets Manager and a rule for coders."""

from api_place import CREDENTIAL, Api
from grant_place import RULES, GrantPlace
from ruamel.yaml import YAML
from secret_place import Vault

PAYMENTS = "apis.payments"
RULE = {"function": "coder", "resource": PAYMENTS, "environments": ["build"], "scope": "write", "lease": 60}


def declare(place: GrantPlace, cloud: Vault, there: Api) -> None:
    """tally does, in `place`."""
    yaml = YAML()
    file = place.root.apps / "tally" / "app.yaml"
    document = yaml.load(file.read_text())
    document["access"] = [*RULES, RULE]
    document["secrets"] = {"payments-key": {"rotation": 180}}
    document["apis"] = {"payments": {"url": there.url, "secret": "payments-key"}}
    with file.open("w") as opened:
        yaml.dump(document, opened)
    # As a file's last line ends.
    cloud.stands(place, payments_key=f"{CREDENTIAL}\n")
