// The clock of the stand-in's device.
#pragma once

namespace tio::standin {

// The host's, until a test sets it.
double device_seconds();
void set_clock(double seconds);
void let_clock_run();

}  // namespace tio::standin
