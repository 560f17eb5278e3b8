// Looking at what calls throw.

#ifndef THROWS_HPP
#define THROWS_HPP

#include <rivven.hpp>

extern "C" {
#include "check.h"
}

namespace {

/// Checks that a call throws an error of this code.
template <typename Call> void throws(const char *what, rivven::Code wanted, Call call) {
    try {
        call();
        check(false, "%s: no error", what);
    } catch (const rivven::Error &error) {
        check(error.code() == wanted && *error.what(), "%s: %s", what, error.what());
    }
}

} // namespace

#endif
