// Checks an OpenAPI file against the schema of its version.
// usage: node validate.mjs FILE   (from a folder where `npm ci` has run)
import { Validator } from "@seriousme/openapi-schema-validator";

const file = process.argv[2];
const validator = new Validator();
const result = await validator.validate(file);
if (!result.valid) {
    console.error(JSON.stringify(result.errors, null, 2).slice(0, 4000));
    process.exit(1);
}
console.log(`openapi ${validator.version}: ok`);
