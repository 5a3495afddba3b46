#include "tools/serve/openapi.h"

#include <nlohmann/json.hpp>

namespace pc {
namespace {

using nlohmann::ordered_json;

const char* const kDocument = R"({
  "openapi": "3.0.3",
  "info": {"title": "pcserve", "version": "1", "description": "Names the product in a picture, with calibrated probabilities."},
  "paths": {
    "/v1/predict": {"post": {
      "summary": "Names what is on one picture or on several",
      "parameters": [
        {"name": "top_k", "in": "query", "schema": {"type": "integer", "minimum": 1, "default": 5}, "description": "Guesses per head"},
        {"name": "accept_at", "in": "query", "schema": {"type": "integer", "default": 95}, "description": "Target precision (%) of predictions reported as confident; one of those the model was calibrated for"},
        {"name": "logits", "in": "query", "schema": {"type": "integer", "enum": [0, 1]}, "description": "The logits of every class too"},
        {"name": "similar", "in": "query", "schema": {"type": "integer", "minimum": 0, "maximum": 100}, "description": "So many nearest products of the server's index"},
        {"name": "explain", "in": "query", "schema": {"type": "integer", "enum": [0, 1]}, "description": "A heat map per head and the pictures of similar products, as data: URLs"}],
      "requestBody": {"required": true, "content": {
        "image/jpeg": {"schema": {"type": "string", "format": "binary"}},
        "image/png": {"schema": {"type": "string", "format": "binary"}},
        "image/webp": {"schema": {"type": "string", "format": "binary"}},
        "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
        "multipart/form-data": {"schema": {"type": "object", "properties": {"file": {"type": "array", "items": {"type": "string", "format": "binary"}}}}}}},
      "responses": {
        "200": {"description": "One answer for a plain picture, {\"pictures\": [answer, …]} for a form, where a picture that cannot be read has a status of its own", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Answer"}}}},
        "400": {"$ref": "#/components/responses/Error"}, "401": {"$ref": "#/components/responses/Error"},
        "403": {"$ref": "#/components/responses/Error"}, "413": {"$ref": "#/components/responses/Error"},
        "415": {"$ref": "#/components/responses/Error"}, "422": {"$ref": "#/components/responses/Error"},
        "503": {"$ref": "#/components/responses/Error"}, "504": {"$ref": "#/components/responses/Error"}}}},
    "/v2": {"get": {"summary": "The server", "responses": {"200": {"description": "KServe v2 server metadata"}}}},
    "/v2/health/live": {"get": {"summary": "Whether the server runs", "responses": {"200": {"description": "Alive"}}}},
    "/v2/health/ready": {"get": {"summary": "Whether requests are taken", "responses": {"200": {"description": "Ready"}, "503": {"description": "The server is about to end"}}}},
    "/v2/models/MODEL": {"get": {"summary": "Inputs, outputs and labels of the model", "responses": {"200": {"description": "KServe v2 model metadata"}}}},
    "/v2/models/MODEL/ready": {"get": {"summary": "As /v2/health/ready", "responses": {"200": {"description": "Ready"}, "503": {"description": "Not ready"}}}},
    "/v2/models/MODEL/infer": {"post": {
      "summary": "KServe v2 inference",
      "description": "One input: \"image\", UINT8 [n,h,w,3], or \"file\", BYTES [n], each a JPEG, PNG or WebP file in base64. Outputs per head: HEAD (FP32, the logits), HEAD.label (BYTES, the label that is named, empty for none) and HEAD.p (FP64, its calibrated probability).",
      "requestBody": {"required": true, "content": {"application/json": {"schema": {"type": "object", "required": ["inputs"]},
        "example": {"inputs": [{"name": "image", "datatype": "UINT8", "shape": [1, 1, 1, 3], "data": [255, 255, 255]}]}}}},
      "responses": {"200": {"description": "KServe v2 inference response"}, "400": {"$ref": "#/components/responses/Error"},
        "422": {"$ref": "#/components/responses/Error"}, "503": {"$ref": "#/components/responses/Error"}}}},
    "/metrics": {"get": {"summary": "Prometheus metrics", "responses": {"200": {"description": "Text format 0.0.4"}}}},
    "/openapi.json": {"get": {"summary": "This document", "responses": {"200": {"description": "OpenAPI 3"}}}},
    "/": {"get": {"summary": "A page to try pictures on", "responses": {"200": {"description": "HTML"}}}}},
  "components": {
    "responses": {"Error": {"description": "What is wrong, in one line", "content": {"application/json": {"schema": {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}}}}}},
    "schemas": {"Answer": {"type": "object", "required": ["file", "status"], "properties": {
      "file": {"type": "string"},
      "status": {"type": "string", "enum": ["ok", "bad picture", "limit"]},
      "error": {"type": "string"},
      "verdict": {"type": "string", "enum": ["accepted", "needs review", "not a product"]},
      "review": {"type": "array", "items": {"type": "string"}, "description": "Heads that are not confident"},
      "paths": {"type": "array", "items": {"type": "array", "items": {"type": "string"}}, "description": "Per chain of heads the labels as far as they are confident"},
      "novelty": {"type": "object", "properties": {"score": {"type": "number"}, "limit": {"type": "number"}}},
      "heads": {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "object", "properties": {"label": {"type": "string"}, "p": {"type": "number"}}}}},
      "preprocess": {"type": "object"},
      "logits": {"type": "object"},
      "similar": {"type": "array", "items": {"type": "object", "properties": {"file": {"type": "string"}, "cosine": {"type": "number"}, "picture": {"type": "string"}}}},
      "explain": {"type": "object", "additionalProperties": {"type": "string"}}}}},
    "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
  "security": [{}, {"token": []}]
})";

}  // namespace

std::string openapi_document(const std::string& model) {
  ordered_json document = ordered_json::parse(kDocument), paths;
  for (const auto& [path, operations] : document["paths"].items()) {
    const std::size_t at = path.find("MODEL");
    paths[at == path.npos ? path : std::string(path).replace(at, 5, model)] = operations;
  }
  document["paths"] = std::move(paths);
  return document.dump() + "\n";
}

}  // namespace pc
