import type { CodegenConfig } from "@graphql-codegen/cli";

const config: CodegenConfig = {
  // A file of the repository; `http://127.0.0.1:8000/schema.graphql` of a running service says the same.
  schema: process.env.SCHEMA ?? "../../schema.graphql",
  documents: ["src/main.ts"],
  emitLegacyCommonJSImports: false,
  generates: {
    "src/gql/": {
      preset: "client",
      presetConfig: { fragmentMasking: false },
      config: {
        useTypeImports: true,
        enumsAsTypes: true,
        defaultScalarType: "unknown",
        scalars: { DateTime: "string" },
        documentMode: "string",
      },
    },
  },
};

export default config;
