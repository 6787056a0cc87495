// The kernels' meaning in double precision: plain loops over the plan's own strides, nothing shared with templates/.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "generator/plan/plan.h"

namespace mambac {

// What a pointer argument of a call may touch: `rows` pieces of `columns` values, `row_stride` apart. Reading or
// writing anything else throws Error (ExitCode::internal), so that a plan that understates its operands is found.
class Memory {
 public:
  Memory(std::string name, double* first, int64_t rows, int64_t row_stride, int64_t columns, bool written)
      : name_(std::move(name)),
        first_(first),
        rows_(rows),
        row_stride_(row_stride),
        columns_(columns),
        written_(written) {}

  // `count` values from `offset` after the pointer; they must lie in one row.
  std::span<const double> read(int64_t offset, int64_t count) const;
  std::span<double> write(int64_t offset, int64_t count) const;

  int64_t columns() const { return columns_; }
  std::vector<double> values() const;  // (rows, columns)

 private:
  std::span<double> range(int64_t offset, int64_t count) const;

  std::string name_;
  double* first_;
  int64_t rows_, row_stride_, columns_;
  bool written_;
};

// A call with its pointers and counts resolved. Tokens are memory like the rest: a number each.
struct KernelArguments {
  std::map<std::string, TemplateArgument> shape;
  std::map<std::string, Memory> memories;  // a null pointer is absent
  std::map<std::string, double> numbers;   // epsilons
  std::map<std::string, int64_t> counts;

  int64_t size(const std::string& name) const;  // template argument that is a number
  bool flag(const std::string& name) const;     // template argument that is "true" or "false"
  const Memory& memory(const std::string& name) const;
  double number(const std::string& name) const;
  int64_t count(const std::string& name) const;
};

// Runs the kernel. Throws Error (ExitCode::internal) if there is none of that name, an argument is missing, or it
// leaves its operands.
void run_reference_kernel(const std::string& kernel, const KernelArguments& arguments);

}  // namespace mambac
