// Any text is a model's configuration and a deployment, or is refused by an Error.
#include <cstddef>
#include <cstdint>
#include <string>

#include "generator/configuration/deployment.h"
#include "generator/configuration/model_configuration.h"
#include "generator/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  try {
    to_json(mambac::parse_model_configuration(text, "config.json")).dump();
  } catch (const mambac::Error&) {
  }
  try {
    to_json(mambac::parse_deployment(text, "deployment.json")).dump();
  } catch (const mambac::Error&) {
  }
  return 0;
}
