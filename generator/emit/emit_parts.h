// What the emitters of the targets share.
#pragma once

#include <functional>
#include <string>

#include "generator/emit/fill.h"
#include "generator/plan/plan.h"

namespace mambac {

// Values that the skeletons of every target ask for, and the CPU's.
Placeholders placeholders(const Plan& plan);

// Lines for the header's facts: the trade that the tape's plan made.
std::string tape_facts(const Plan& plan);

// The skeletons of `forward`, filled, or nothing in an artifact without it. `skeleton`: a target's, by name.
void add_forward(const Plan& plan, const std::function<std::string(const std::string&)>& skeleton,
                 Placeholders& values);

// The runtime's own text under the artifact's namespace, so that artifacts of different versions link into one program.
std::string renamed(std::string text, const Plan& plan);

// "NAME_FORWARD_TOKENS": upper case of ASCII.
std::string upper_case(std::string text);

}  // namespace mambac
