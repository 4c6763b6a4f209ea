// Failures inside the shim: an exception on the cold paths, a thread-local text at the boundary.
#pragma once

#include <cstdint>
#include <exception>
#include <new>
#include <string>
#include <system_error>

#include "tio_gds.h"

namespace tio::gds {

// What a failed cold-path call throws; the boundary turns it into a status and a text. Transfers never throw:
// their outcome travels in the completion.
class Failure final : public std::exception {
  public:
    Failure(tio_status status, std::string text) : status_(status), text_(std::move(text)) {}

    // "what: strerror (errno N)", with the status that belongs to the errno.
    static Failure from_errno(const std::string& what, int sys_errno);

    tio_status status() const noexcept { return status_; }
    const char* what() const noexcept override { return text_.c_str(); }

  private:
    tio_status status_;
    std::string text_;
};

// The status under which the header reports an errno of the kernel.
tio_status status_of_errno(int sys_errno) noexcept;

std::string describe_errno(int sys_errno);

const char* status_name(tio_status status) noexcept;

// The text lives in a fixed thread-local array: recording an out-of-memory failure must not allocate.
void set_last_error(const char* where, const char* text) noexcept;
const char* last_error() noexcept;

// The exception firewall. Every function of the C ABI runs its body in here: an exception that crossed into
// managed code would end the process.
template <typename Body>
tio_status guarded(const char* where, Body&& body) noexcept {
    try {
        return body();
    } catch (const Failure& failure) {
        set_last_error(where, failure.what());
        return failure.status();
    } catch (const std::bad_alloc&) {
        set_last_error(where, "out of memory");
        return TIO_E_NOMEM;
    } catch (const std::system_error& error) {
        set_last_error(where, error.what());
        return status_of_errno(error.code().value());
    } catch (const std::exception& error) {
        set_last_error(where, error.what());
        return TIO_E_INTERNAL;
    } catch (...) {
        set_last_error(where, "unknown C++ exception");
        return TIO_E_INTERNAL;
    }
}

}  // namespace tio::gds
