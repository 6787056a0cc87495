// The commands of `mambac`, one file each: every function adds its subcommand with options, help and callback.
#pragma once

#include <CLI/CLI.hpp>

namespace mambac {

void add_bench_command(CLI::App& app);
void add_build_command(CLI::App& app);
void add_compare_command(CLI::App& app);
void add_evaluate_command(CLI::App& app);
void add_generate_command(CLI::App& app);
void add_init_command(CLI::App& app);
void add_inspect_command(CLI::App& app);
void add_pack_command(CLI::App& app);
void add_perplexity_command(CLI::App& app);
void add_text_command(CLI::App& app);
void add_train_command(CLI::App& app);

}  // namespace mambac
