"""What a resource is told goes over the wire as its model says."""

import inspect

import pulumi
import pytest
import yaml
from mocked_engine import Run, Secret, run
from own_program import PROJECT, Deploy
from pydantic.alias_generators import to_camel

from mspass_stack.components import resources


@pytest.fixture(params=["desktop", "lab-cluster"])
def declared(request: pytest.FixtureRequest, deploy: Deploy) -> Run:
    file = PROJECT / "stacks" / f"Pulumi.{request.param}.yaml"
    result = deploy(yaml.safe_load(file.read_text())["config"], request.param)
    assert not result.error
    return result


def test_inputs_are_named_in_camel_case_and_none_that_is_required_is_missing(declared: Run) -> None:
    ours = [found for found in declared.resources if found.type.startswith(f"{resources.PACKAGE}:")]
    assert ours
    for found in ours:
        kind: type[resources.Resource] = getattr(resources, found.type.rsplit(":", 1)[1])
        fields = kind.model.model_fields
        assert set(found.inputs) <= {to_camel(name) for name in fields}
        required = {to_camel(name) for name, field in fields.items() if field.is_required()}
        assert required <= set(found.inputs)


def test_inputs_that_are_marked_as_secret_are_hidden(declared: Run) -> None:
    hidden = 0
    for found in declared.resources:
        if found.type.startswith(f"{resources.PACKAGE}:"):
            kind: type[resources.Resource] = getattr(resources, found.type.rsplit(":", 1)[1])
            for name in kind.model.marked("secret") & set(found.inputs):
                assert isinstance(found.inputs[name], Secret), f"{name} of {found.name}"
                hidden += 1
    assert hidden


@pytest.mark.parametrize("kind", resources.Resource.__subclasses__())
def test_no_output_has_the_name_of_an_input(kind: type[resources.Resource]) -> None:
    """The first preview hands the inputs back, and Pulumi reads outputs by their types."""
    own = set(inspect.get_annotations(kind))
    assert not own & set(kind.model.model_fields)


@pytest.mark.parametrize("inputs", [{}, {"form": "token", "from": "id"}], ids=["missing", "unknown"])
def test_a_missing_or_unknown_input_is_an_error_of_the_program(inputs: dict[str, str]) -> None:
    def program() -> None:
        pulumi.export("value", resources.Secret("one", inputs).value)

    with pytest.raises(TypeError, match=r"Secret one: unknown or missing: (form|from)$"):
        run(program)
