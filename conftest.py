"""Let pytest know Airbyte's standard tests, here and for `airbyte-cdk connector test`."""

pytest_plugins = ["airbyte_cdk.test.standard_tests.pytest_hooks"]
