"""Manifests as the builds of clients write them."""

import json

import pytest

from ocpplab_graphql.app import StartError, create_app
from ocpplab_graphql.execution.manifest import ManifestError, read_manifest, sha256_of
from ocpplab_graphql.settings import Settings, SettingsError

TEXT = "query Ping { __typename }"
HASH = sha256_of(TEXT)


def written(tmp_path, content):
    path = tmp_path / "manifest.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


@pytest.mark.parametrize(
    "content",
    [
        {"p1": TEXT},
        {"sha256:p1": TEXT},
        {
            "format": "apollo-persisted-query-manifest",
            "version": 1,
            "operations": [{"id": "p1", "name": "Ping", "type": "query", "body": TEXT}],
        },
        {"version": 2, "operations": {"p1": TEXT}},
        {"p1": {"text": TEXT, "name": "Ping"}},
        {"p1": {"document": TEXT}},
        [["p1", TEXT]],
    ],
)
def test_every_form_is_read(tmp_path, content):
    manifest = read_manifest(written(tmp_path, content))

    assert (manifest.text("p1"), manifest.text(HASH), manifest.text(HASH.upper())) == (TEXT, TEXT, TEXT)
    assert manifest.text("p2") is None
    assert (manifest.trusts(TEXT), manifest.trusts(TEXT + " ")) == (True, False)
    assert len(manifest) == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("{}", "holds no documents"),
        ("[]", "holds no documents"),
        ("42", "must hold"),
        ('["p1"]', "must hold"),
        ('{"p1": 1}', "entry 1 has no id or no text"),
        ('{"p1": ""}', "entry 1 has no id or no text"),
        ('{"p1": {"name": "Ping"}}', "entry 1 has no id or no text"),
        ('{"operations": [{"body": "{ a }"}]}', "entry 1 has no id or no text"),
        ('[["p1", "{ a }"], ["p1", "{ b }"]]', "the id 'p1' stands for two documents"),
    ],
)
def test_what_is_no_manifest_is_told_in_one_line(tmp_path, content, said):
    with pytest.raises(ManifestError, match=said) as told:
        read_manifest(written(tmp_path, content))

    assert "\n" not in str(told.value)


def test_the_service_does_not_start_without_the_manifest_it_needs(tmp_path):
    settings = Settings.load({}, trusted_documents="only", trusted_documents_file=tmp_path / "none.json")

    with pytest.raises(StartError, match="No such file"):
        create_app(settings)
    with pytest.raises(SettingsError, match="OCPPLAB_TRUSTED_DOCUMENTS_FILE"):
        Settings.load({}, trusted_documents="allow")
