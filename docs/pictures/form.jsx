// Show the form that spec.yaml describes, as Airbyte's UI does: fields in order, HTML in the
// descriptions, secrets hidden, and `pattern_descriptor` where a value does not match.
import Form from "@rjsf/core";
import validator from "@rjsf/validator-ajv8";
import { load } from "js-yaml";
import { createRoot } from "react-dom/client";
import text from "../../source_confluence/spec.yaml";

const schema = load(text).connectionSpecification;
delete schema.$schema; // the validator knows draft 7 without being told
const fields = Object.entries(schema.properties);
const order = fields.sort(([, a], [, b]) => a.order - b.order).map(([name]) => name);

// form.html#ok shows sound values, #wrong a few mistakes, and without either it is empty.
const entered = {
  "#ok": { email: "ada@acme.com", api_token: "ATATT3x-not-a-real-token", domain_name: "acme.atlassian.net" },
  "#wrong": { email: "ada", api_token: "", domain_name: "ada@acme.com" },
}[location.hash];

// A list of texts in one line, as Airbyte's UI has it.
const Texts = ({ id, value }) => <input id={id} readOnly value={(value ?? []).join(", ")} />;

const ui = { "ui:order": order };
for (const [name, field] of fields) {
  ui[name] = {
    "ui:placeholder": field.pattern_descriptor ?? "",
    ...(field.airbyte_secret ? { "ui:widget": "password" } : {}),
    ...(field.type === "array" ? { "ui:widget": field.items.enum ? "checkboxes" : Texts } : {}),
  };
}

const Html = ({ id, description }) => (
  <p id={id} className="description" dangerouslySetInnerHTML={{ __html: description }} />
);

const inWords = (errors) =>
  errors.map((error) =>
    error.name === "pattern"
      ? { ...error, message: `must look like ${schema.properties[error.property.slice(1)].pattern_descriptor}` }
      : error,
  );

createRoot(document.getElementById("form")).render(
  <Form
    schema={schema}
    uiSchema={ui}
    formData={entered}
    validator={validator}
    templates={{ DescriptionFieldTemplate: Html }}
    transformErrors={inWords}
    ref={(form) => location.hash === "#wrong" && setTimeout(() => form?.validateForm())}
    showErrorList={false}
  />,
);
