"""Who finds what a prompt left in the cache: the certificate decides, over the wire too."""

import grpc
import pytest

from apus.text.v1 import text_pb2, text_pb2_grpc
from conftest import EXAMPLES, Server, credentials, write_configuration
from test_metrics import metrics_address, scrape_until

OPENING = "Once upon a time there lived a king who had a daughter, and she was so fair that the sun itself wondered."
SHARED = "You are a teller of old tales, and you tell them as your grandmother did."


@pytest.fixture(scope="module")
def server(tmp_path_factory, certificates):
    directory = tmp_path_factory.mktemp("prefixes")
    configuration = write_configuration(directory, certificates, http_listen="127.0.0.1:0")
    model = directory / "models" / "taleteller"
    model.mkdir()
    (model / "1").symlink_to(EXAMPLES / "storyteller" / "1")
    (model / "model.yaml").write_text(
        f"platform: llama\ntext:\n  cache_memory: 16MiB\n  tokens_per_page: 8\n  shared_prefixes:\n    - {SHARED}\n")
    server = Server(configuration, directory)
    yield server
    assert server.terminate() == 0, server.errors()


@pytest.fixture(scope="module")
def ask(server, certificates):
    """A function that lets a model go on from a prompt as some tenant, and gives text and usage."""
    channels = {tenant: grpc.secure_channel(server.target, credentials(certificates / "main", name))
                for tenant, name in (("local", "client"), ("acme", "tenant-acme"))}

    def ask(tenant, prompt, model="taleteller", metadata=None, **fields):
        request = text_pb2.GenerateRequest(model=model, prompt=prompt, max_tokens=16, **fields)
        messages = list(text_pb2_grpc.TextStub(channels[tenant]).Generate(request, metadata=metadata))
        return "".join(message.text for message in messages), messages[-1].usage
    yield ask
    for channel in channels.values():
        channel.close()


def test_only_the_tenant_who_computed_a_prompt_finds_it(ask):
    first, usage = ask("local", OPENING)
    assert usage.cached_tokens == 0 and usage.prompt_tokens > 20
    # Somebody else's certificate finds nothing, and does not spoil it for the first.
    theirs, usage = ask("acme", OPENING)
    assert usage.cached_tokens == 0
    again, usage = ask("local", OPENING)
    assert usage.prompt_tokens - 8 <= usage.cached_tokens < usage.prompt_tokens and usage.cached_tokens % 8 == 0
    assert first == theirs == again


def test_a_salt_narrows_and_never_widens(ask):
    prompt = "A poor woodcutter had a wife and three daughters, and lived in a little hut on the edge of a forest."
    for tenant, salt, is_found in (("local", "one", False), ("local", "two", False), ("local", "", False),
                                   ("acme", "one", False), ("local", "one", True), ("local", "", True)):
        _, usage = ask(tenant, prompt, cache_salt=salt)
        assert (usage.cached_tokens > 0) == is_found, (tenant, salt)
    with pytest.raises(grpc.RpcError) as error:
        ask("local", prompt, cache_salt="x" * 257)
    assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT and "cache_salt" in error.value.details()


def test_a_listed_prefix_is_found_by_everybody_but_what_follows_is_not(ask):
    prompt = SHARED + " " + OPENING
    _, usage = ask("local", prompt)
    assert usage.cached_tokens == 0
    _, theirs = ask("acme", prompt)
    _, mine = ask("local", prompt)
    assert 0 < theirs.cached_tokens < mine.cached_tokens


def test_the_metrics_count_what_was_found(ask, server):
    prompt = "The fisherman and his wife lived together in a hovel close by the sea."
    _, first = ask("local", prompt)
    _, second = ask("local", prompt)
    assert second.cached_tokens > 0

    def has_counted(samples):
        return samples.get(key("apus_text_prompt_tokens_total"), 0) >= first.prompt_tokens + second.prompt_tokens

    def key(name, *labels):
        return (name, *sorted((("model", "taleteller"), ("version", "1"), *labels)))
    samples = scrape_until(metrics_address(server), has_counted)
    assert samples[key("apus_text_cached_tokens_total")] >= second.cached_tokens
    pages = {state: samples[key("apus_text_cache_pages", ("state", state))] for state in ("held", "cached", "free")}
    assert pages["held"] == 0 and pages["cached"] > 0 and pages["free"] > 0
    assert samples.types["apus_text_cached_tokens"] == "counter" and samples.types["apus_text_cache_pages"] == "gauge"
