using TeraIO.Planner.Reports;

namespace TeraIO.Planner.Tests.Reports;

public sealed class FiguresTests
{
    [TestCase(0, "0 s")]
    [TestCase(0.9996, "1.00 s")]
    [TestCase(0.0123, "12.3 ms")]
    [TestCase(4.5e-6, "4.50 µs")]
    [TestCase(3e-9, "3.00 ns")]
    [TestCase(1234, "1,234 s")]
    public void Seconds_have_three_digits_and_a_fitting_unit(double seconds, string text) => Assert.That(Figures.Seconds(seconds), Is.EqualTo(text));

    [TestCase(0, "0 B")]
    [TestCase(1023, "1023 B")]
    [TestCase(1536, "1.50 KiB")]
    [TestCase(131.15 * (1L << 30), "131 GiB")]
    public void Bytes_have_binary_units(double bytes, string text) => Assert.That(Figures.Bytes(bytes), Is.EqualTo(text));

    [TestCase(3.2e9, "3.20 GB/s")]
    [TestCase(999.6e6, "1.00 GB/s")]
    [TestCase(12, "12.0 B/s")]
    public void Rates_have_decimal_units(double rate, string text) => Assert.That(Figures.Rate(rate), Is.EqualTo(text));

    [TestCase(2.4e15, "2.40 PB")]
    [TestCase(600e12, "600 TB")]
    [TestCase(85e9, "85.0 GB")]
    public void Endurance_has_the_units_of_vendors(double bytes, string text) => Assert.That(Figures.DecimalBytes(bytes), Is.EqualTo(text));
}
