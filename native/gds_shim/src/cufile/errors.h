// cuFile's error codes as text, and what they mean for the caller of the C ABI.
#pragma once

#include <cstdint>
#include <string>

#include "cufile/abi.h"
#include "failure.h"

namespace tio::gds::cufile {

// "CU_FILE_NVFS_DRIVER_ERROR (5010): ..."; a code that this build does not know prints as a number.
std::string describe_code(int code);
// The same, with the CUresult where cuFile passes one on.
std::string describe(Error error);

tio_status status_of_code(int code) noexcept;

// "what: description", with the status that belongs to the code.
Failure failure_of(const std::string& what, Error error);
// Throws it unless the call succeeded.
void require_success(const std::string& what, Error error);

// What cuFileRead and cuFileWrite return for a failure, as one positive number: an errno, or 5000 + n.
// `sys_errno` is errno right after the call.
int code_of_result(int64_t result, int sys_errno) noexcept;

}  // namespace tio::gds::cufile
