// fmt, compiled once. LibTorch brings headers of its own version, with which no installed library links, and
// header-only they were half of the code that each of our files was compiled to.
#include <fmt/format-inl.h>

// What the headers say is compiled elsewhere.
#if FMT_VERSION >= 120000
template std::locale fmt::locale_ref::get() const;
#endif

namespace fmt::detail {

#if FMT_VERSION < 120000
template std::locale locale_ref::get() const;
#endif
template thousands_sep_result<char> thousands_sep_impl(locale_ref);
template char decimal_point_impl(locale_ref);

}  // namespace fmt::detail
