using TeraIO.Core.Storage;
using TeraIO.TestSupport;

namespace TeraIO.Core.Tests.Storage;

[TestFixture]
public class StripeChecksumTests
{
    [TestCase(2, 1u, 0)]
    [TestCase(1, 2u, 0)]
    [TestCase(1, 1u, 1)]
    [TestCase(0, 1u, 1)]
    public void The_same_bytes_of_another_tensor_generation_or_stripe_have_another_checksum(long tensorId, uint generation, int stripe)
    {
        using var bytes = UnmanagedBytes.Filled(4096, seed: 1);

        ulong one = StripeChecksum.Compute(bytes.Address, bytes.Length, StripeChecksum.Seed(tensorId: 1, generation: 1, stripeIndex: 0));
        ulong other = StripeChecksum.Compute(bytes.Address, bytes.Length, StripeChecksum.Seed(tensorId, generation, stripe));

        Assert.That(other, Is.Not.EqualTo(one));
    }

    [Test]
    public void Any_flipped_bit_changes_the_checksum([Values(0, 1, 32_767)] int bit)
    {
        using var bytes = UnmanagedBytes.Filled(4096, seed: 1);
        ulong before = StripeChecksum.Compute(bytes.Address, bytes.Length, seed: 5);

        bytes.Span[bit / 8] ^= (byte)(1 << bit % 8);

        Assert.That(StripeChecksum.Compute(bytes.Address, bytes.Length, seed: 5), Is.Not.EqualTo(before));
    }
}
