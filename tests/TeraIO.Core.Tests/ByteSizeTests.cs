using System.Globalization;
using FsCheck;
using FsCheck.Fluent;

namespace TeraIO.Core.Tests;

[TestFixture]
public class ByteSizeTests
{
    [TestCase("2GiB", 2L << 30)]
    [TestCase("512 MiB", 512L << 20)]
    [TestCase("1.5GB", 1_500_000_000L)]
    [TestCase("4096", 4096L)]
    [TestCase(" 64 kib ", 64L << 10)]
    [TestCase("7 B", 7L)]
    [TestCase("0", 0L)]
    [TestCase("9223372036854775807", long.MaxValue)]
    public void A_size_is_read_from_text(string text, long bytes) => Assert.That(ByteSize.Parse(text).Bytes, Is.EqualTo(bytes));

    [TestCase("")]
    [TestCase("GiB")]
    [TestCase("-1")]
    [TestCase("1,5 GiB")]
    [TestCase("2 PiB")]
    [TestCase("9223372036854775808")]
    [TestCase("1e3")]
    [TestCase(null)]
    public void What_is_no_size_is_refused(string? text) => Assert.That(ByteSize.TryParse(text, out _), Is.False);

    [Test]
    public void The_refusal_quotes_the_text_and_shows_what_works() =>
        Assert.That(() => ByteSize.Parse("lots"), Throws.TypeOf<FormatException>().With.Message.Contains("'lots'").And.Message.Contains("2GiB"));

    [TestCase(0, "0 B")]
    [TestCase(1023, "1023 B")]
    [TestCase(1024, "1.00 KiB")]
    [TestCase(3L << 29, "1.50 GiB")]
    [TestCase(5L << 40, "5.00 TiB")]
    [TestCase(-(1L << 20), "-1.00 MiB")]
    public void A_size_prints_in_the_largest_unit_that_fits(long bytes, string text) => Assert.That(new ByteSize(bytes).ToString(), Is.EqualTo(text));

    [Test]
    public void Text_does_not_depend_on_the_culture()
    {
        var before = CultureInfo.CurrentCulture;
        var commas = (CultureInfo)CultureInfo.InvariantCulture.Clone();
        commas.NumberFormat.NumberDecimalSeparator = ",";
        try
        {
            CultureInfo.CurrentCulture = commas;
            Assert.That((ByteSize.FromGiB(1.5).ToString(), ByteSize.Parse("1.5KiB").Bytes), Is.EqualTo(("1.50 GiB", 1536L)));
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    [FsCheck.NUnit.Property]
    public Property A_count_of_bytes_survives_the_way_through_text() => Prop.ForAll(
        ArbMap.Default.ArbFor<NonNegativeInt>(),
        bytes => ByteSize.Parse(bytes.Get.ToString(CultureInfo.InvariantCulture)).Bytes == bytes.Get);

    [FsCheck.NUnit.Property]
    public Property Order_and_arithmetic_are_those_of_the_bytes() => Prop.ForAll(
        ArbMap.Default.ArbFor<int>(),
        ArbMap.Default.ArbFor<int>(),
        (left, right) =>
        {
            var (a, b) = (new ByteSize(left), new ByteSize(right));
            return (a < b) == (left < right) && (a >= b) == (left >= right) && (a + b).Bytes == (long)left + right
                && (a - b).Bytes == (long)left - right && a.CompareTo(b) == left.CompareTo(right);
        });

    [Test]
    public void A_sum_that_overflows_is_an_error() =>
        Assert.That(() => new ByteSize(long.MaxValue) + new ByteSize(1), Throws.TypeOf<OverflowException>());
}
