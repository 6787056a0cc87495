// Where the threads of a program meet: not after every call, only where a call needs what another part has made.
#pragma once

#include <vector>

#include "generator/plan/plan.h"

namespace mambac {

// Keeps what the calls since the last meeting have read and written.
class MeetingPoints {
 public:
  MeetingPoints(const Plan& plan, const Program& program) : plan_(plan), program_(program) {}

  // Whether all parts of the calls so far must be done before any part of `call` begins: it reads what one of them
  // writes, or writes what one of them reads or writes. Memory counts, not names: buffers share it.
  bool needed_before(const Call& call) const;
  void add(const Call& call);
  bool anything_since() const { return !touched_.empty(); }
  void meet() { touched_.clear(); }

 private:
  struct Touched {
    Space space;
    int64_t first, end;  // in the space's own unit
    bool written;
  };
  std::vector<Touched> touched_by(const Call& call) const;

  const Plan& plan_;
  const Program& program_;
  std::vector<Touched> touched_;
};

}  // namespace mambac
