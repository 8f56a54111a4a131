// Reads an OpenAPI document as the linter of Redocly does: lint.mjs FILE
// Prints what it finds, warnings too, and nothing if all is well.
import { createConfig, lint } from '@redocly/openapi-core'

const config = await createConfig({ extends: ['recommended'] })
for (const { message, ruleId, location } of await lint({ ref: process.argv[2], config })) {
  console.log(`${location[0]?.pointer ?? ''}: ${message.split('\n')[0]} (${ruleId})`)
}
