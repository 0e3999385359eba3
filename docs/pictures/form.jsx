// Show the form that spec.yaml describes, as Airbyte's UI does: fields in order, HTML in the
// descriptions, secrets hidden, and `pattern_descriptor` where a value does not match.
import Form from "@rjsf/core";
import validator from "@rjsf/validator-ajv8";
import { load } from "js-yaml";
import { createRoot } from "react-dom/client";
import text from "../../source_confluence/spec.yaml";

const schema = load(text).connectionSpecification;
delete schema.$schema; // the validator knows draft 7 without being told
// Of an object's default, Airbyte's form takes the option with that constant.
const above = { auth_type: schema.properties.credentials.default };
delete schema.properties.credentials.default;

// form.html#ok shows sound values, #wrong a few mistakes, the names of credentials what such a kind
// takes; without any of these it is as Airbyte shows it first.
const site = { domain_name: "acme.atlassian.net" };
const app = { client_id: "Xq3vT8mKc1Lr5Zb7Wd2N", client_secret: "not-a-real-secret" };
const entered = {
  "#ok": { ...site, email: "ada@acme.com", api_token: "ATATT3x-not-a-real-token", credentials: above },
  "#wrong": { email: "ada", api_token: "", domain_name: "ada@acme.com", credentials: above },
  "#oauth": {
    ...site,
    credentials: {
      auth_type: "oauth2.0",
      ...app,
      refresh_token: "eyJ-not-a-real-token",
      access_token: "eyJ-not-a-real-token-either",
    },
  },
  "#client-credentials": { ...site, credentials: { auth_type: "client_credentials", ...app } },
  "#service-account-token": {
    ...site,
    credentials: { auth_type: "service_account_token", api_token: "ATSTT3x-not-a-real-token" },
  },
}[location.hash] ?? { credentials: above };

// Of a kind of credentials, the first four fields are enough.
if (entered.credentials !== above) {
  for (const [name, field] of Object.entries(schema.properties)) {
    if (field.order > schema.properties.credentials.order) delete schema.properties[name];
  }
}

const inOrder = (properties) =>
  Object.entries(properties)
    .sort(([, a], [, b]) => a.order - b.order)
    .map(([name]) => name);

// A list of texts in one line, as Airbyte's UI has it.
const Texts = ({ id, value }) => <input id={id} readOnly value={(value ?? []).join(", ")} />;

// A choice: a list of titles, then the fields of what was chosen, if it has any. (The library
// gives a schema without its options.)
const choiceOf = (field) => (props) => {
  const { SchemaField } = props.registry.fields;
  const kind = props.formData?.auth_type;
  const chosen = field.oneOf.find((option) => option.properties.auth_type.const === kind);
  return (
    <fieldset>
      <label>{field.title}</label>
      <Html description={field.description} />
      <select className="choice" defaultValue={chosen?.title}>
        {field.oneOf.map(({ title }) => (
          <option key={title}>{title}</option>
        ))}
      </select>
      {chosen && (
        <div className="chosen">
          <SchemaField {...props} schema={{ ...chosen, title: "" }} uiSchema={uiOf(chosen.properties)} />
        </div>
      )}
    </fieldset>
  );
};

const uiOf = (properties) => ({
  "ui:order": inOrder(properties),
  ...Object.fromEntries(
    Object.entries(properties).map(([name, field]) => [
      name,
      {
        "ui:placeholder": field.pattern_descriptor ?? "",
        ...(field.airbyte_secret ? { "ui:widget": "password" } : {}),
        ...(field.format === "date-time" ? { "ui:widget": "text" } : {}),
        ...(field.const ? { "ui:widget": "hidden" } : {}),
        ...(field.type === "array" ? { "ui:widget": field.items.enum ? "checkboxes" : Texts } : {}),
        ...(field.oneOf ? { "ui:field": choiceOf(field), "ui:fieldReplacesAnyOrOneOf": true } : {}),
      },
    ]),
  ),
});

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
    uiSchema={uiOf(schema.properties)}
    formData={entered}
    experimental_defaultFormStateBehavior={{ constAsDefaults: "never" }}
    validator={validator}
    templates={{ DescriptionFieldTemplate: Html }}
    transformErrors={inWords}
    ref={(form) => location.hash === "#wrong" && setTimeout(() => form?.validateForm())}
    showErrorList={false}
  />,
);
