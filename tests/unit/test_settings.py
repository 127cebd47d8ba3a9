"""Settings come from OCPPLAB_ variables; what does not fit is told in one line."""

import pytest

from ocpplab_graphql.settings import Settings, SettingsError


def loaded(monkeypatch, **environ):
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    return Settings.load()


def test_a_variable_sets_and_the_command_line_overrides(monkeypatch):
    assert loaded(monkeypatch, OCPPLAB_PORT="9000").port == 9000
    assert Settings.load(port=9001).port == 9001
    assert Settings.load(port=None).port == 9000


def test_a_path_prefix_of_the_gateway_is_kept(monkeypatch):
    found = loaded(monkeypatch, OCPPLAB_GATEWAY_URL="https://gateway.test/api/v1")

    assert str(found.gateway_url) == "https://gateway.test/api/v1"


@pytest.mark.parametrize("name", ["OCPPLAB_PROT", "OCPPLAB_", "ocpplab_prot"])
def test_an_unknown_setting_is_told_with_those_there_are(monkeypatch, name):
    with pytest.raises(SettingsError) as told:
        loaded(monkeypatch, **{name: "1"})

    message = str(told.value)
    assert message.startswith(f"Unknown setting {name}. Known are: OCPPLAB_A")
    assert ", OCPPLAB_BULK_ITEMS_MAX, OCPPLAB_CO" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OCPPLAB_PORT", "65536"),
        ("OCPPLAB_PORT", "http\n"),
        ("OCPPLAB_GATEWAY_URL", "ftp://gateway.test"),
        ("OCPPLAB_GATEWAY_URL", ""),
        ("OCPPLAB_LOG_LEVEL", "LOUD"),
        ("OCPPLAB_OPERATION_TIMEOUT_S", "0"),
        ("OCPPLAB_OPERATION_TIMEOUT_S", "soon"),
        ("OCPPLAB_GATEWAY_MAX_CONCURRENCY", "0"),
        ("OCPPLAB_INTROSPECTION", "perhaps"),
    ],
)
def test_a_value_that_does_not_fit_is_told_in_one_line(monkeypatch, name, value):
    with pytest.raises(SettingsError) as told:
        loaded(monkeypatch, **{name: value})

    message = str(told.value)
    assert message.startswith(f"Setting {name}: ")
    assert message.endswith(f", got {value!r}.")
    assert "\n" not in message


def test_a_breaker_cannot_look_back_at_fewer_calls_than_it_needs():
    with pytest.raises(SettingsError, match=r"^OCPPLAB_GATEWAY_BREAKER_WINDOW must be at least [A-Z_]+\.$"):
        Settings.load({"OCPPLAB_GATEWAY_BREAKER_CALLS": "101"})


def test_settings_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        Settings.load().port = 1
