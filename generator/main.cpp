// The `mambac` command: finds the subcommand, catches what the stages throw, and turns it into an exit code.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <new>
#include <set>

#include "generator/commands/commands.h"
#include "generator/configuration/nearest_name.h"
#include "generator/error.h"
#include "generator/temporary_path.h"
#include "generator/version.h"

namespace {

constexpr char exit_codes[] = R"(Exit codes:
  0  success
  1  a comparison found a value above its tolerance
  2  the command line is wrong
  3  a file that was given is wrong: configuration, weights, deployment, cases
  4  the machine is wrong: no compiler, no space, no permission, missing instruction set
  5  a defect of mambac: please report it
A signal ends it as ever (130: Ctrl-C, 143: SIGTERM); what was half-written is removed.

`mambac COMMAND --help` shows the options of a command and an example.)";

int report(mambac::ExitCode code, const char* message) {
  mambac::wait_for_end_if_interrupted();
  fmt::print(stderr, "mambac: {}\n", message);
  return static_cast<int>(code);
}

// ". Did you mean --threads?", if an argument that no command expected is nearly one of `command`'s options.
std::string nearest_option(const CLI::App& app, const CLI::App& command) {
  std::set<std::string> names;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) names.insert("--" + name);
  }
  for (const std::string& argument : app.remaining(true)) {
    if (const auto name = mambac::nearest_name(argument.substr(0, argument.find('=')), names)) {
      return fmt::format(". Did you mean {}?", *name);
    }
  }
  return "";
}

}  // namespace

int main(int count, char** arguments) {
  CLI::App app("Compiles a state-space model into a library in which every shape is a literal.", "mambac");
  app.set_version_flag("--version", fmt::format("mambac {}", mambac::generator_version));
  app.require_subcommand(1);
  app.footer(exit_codes);
  app.failure_message([](const CLI::App* app, const CLI::Error& error) {
    const auto commands = app->get_subcommands();  // that were given
    const std::string command = commands.empty() ? "" : commands.front()->get_name() + " ";
    const bool unexpected = dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr;
    const std::string meant = commands.empty() || !unexpected ? "" : nearest_option(*app, *commands.front());
    return fmt::format("mambac: {}{}\n`mambac {}--help` shows what can be given.\n", error.what(), meant, command);
  });
  mambac::add_build_command(app);
  mambac::add_generate_command(app);
  mambac::add_pack_command(app);
  mambac::add_init_command(app);
  mambac::add_inspect_command(app);
  mambac::add_evaluate_command(app);
  mambac::add_compare_command(app);
  mambac::add_text_command(app);
  mambac::add_train_command(app);
  mambac::add_perplexity_command(app);
  mambac::add_bench_command(app);

  try {
    mambac::remove_temporary_paths_when_interrupted();
    app.parse(count, arguments);
    return static_cast<int>(mambac::ExitCode::success);
  } catch (const CLI::ParseError& error) {
    const bool asked_for_help = app.exit(error) == static_cast<int>(CLI::ExitCodes::Success);
    return static_cast<int>(asked_for_help ? mambac::ExitCode::success : mambac::ExitCode::usage);
  } catch (const mambac::Error& error) {
    return report(error.code(), error.what());
  } catch (const std::bad_alloc&) {
    return report(mambac::ExitCode::environment, "not enough memory");
  } catch (const std::filesystem::filesystem_error& error) {
    return report(mambac::ExitCode::environment, error.what());
  } catch (const std::exception& error) {
    return report(mambac::ExitCode::internal, error.what());
  }
}
