// What a template's comment says once the template's parameters have values.
//
//   `Rows`                            the value
//   `Taps - 1`                        the number that it comes to
//   {Bias ? , plus bias}              said where the parameter is true
//   {Rows > 1 ? rows : row}           said where it is more, or else the other
#pragma once

#include <map>
#include <string>

namespace mambac {

// `parameters`: what each parameter's value reads as.
std::string bound_comment(std::string text, const std::map<std::string, std::string>& parameters);

// The same for whole lines of `//` comments: sentences are laid out anew, indented lines stay lines.
std::string bound_comment_lines(const std::string& lines, const std::map<std::string, std::string>& parameters);

}  // namespace mambac
