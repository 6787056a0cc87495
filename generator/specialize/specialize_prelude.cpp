#include "generator/specialize/specialize_prelude.h"

namespace mambac {

const std::map<std::string, std::string>& standard_prelude() {
  static const std::map<std::string, std::string> prelude = {
      {"cstddef", R"(#pragma once
namespace std {
using size_t = __SIZE_TYPE__;
using ptrdiff_t = __PTRDIFF_TYPE__;
using nullptr_t = decltype(nullptr);
}  // namespace std
using std::ptrdiff_t;
using std::size_t;
)"},
      {"cstdint", R"(#pragma once
namespace std {
using int8_t = __INT8_TYPE__;
using int16_t = __INT16_TYPE__;
using int32_t = __INT32_TYPE__;
using int64_t = __INT64_TYPE__;
using uint8_t = __UINT8_TYPE__;
using uint16_t = __UINT16_TYPE__;
using uint32_t = __UINT32_TYPE__;
using uint64_t = __UINT64_TYPE__;
}  // namespace std
using std::int16_t;
using std::int32_t;
using std::int64_t;
using std::int8_t;
using std::uint16_t;
using std::uint32_t;
using std::uint64_t;
using std::uint8_t;
)"},
      {"utility", R"(#pragma once
namespace std {
template <typename Integer, Integer... Value>
struct integer_sequence {};
template <typename Integer, Integer count>
using make_integer_sequence = __make_integer_seq<integer_sequence, Integer, count>;
}  // namespace std
)"},
      {"type_traits", R"(#pragma once
namespace std {
template <typename First, typename Second>
inline constexpr bool is_same_v = __is_same(First, Second);
}  // namespace std
)"},
  };
  return prelude;
}

}  // namespace mambac
