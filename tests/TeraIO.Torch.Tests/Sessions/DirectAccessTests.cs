using System.Runtime.InteropServices;
using TeraIO.Core;
using TorchSharp;

namespace TeraIO.Torch.Tests.Sessions;

/// <summary>User code that reads tensor data outside ops.</summary>
[TestFixture]
[NonParallelizable]
internal sealed class DirectAccessTests : SessionFixture
{
    private const int Count = 64 * 1024; // floats: 256 KiB a tensor
    private static readonly ByteSize _threeTensors = ByteSize.FromKiB(800);

    [Test]
    public void Reading_an_offloaded_tensor_without_a_scope_throws_instead_of_giving_wrong_data()
    {
        using OffloadSession session = BeginUnder(_threeTensors);
        using torch.Tensor first = torch.ones(Count);
        using torch.Tensor second = torch.ones(Count);
        using torch.Tensor third = torch.ones(Count);
        using torch.Tensor fourth = torch.ones(Count);

        Assert.Throws<ExternalException>(() => _ = first.data<float>()[0]);
    }

    [Test]
    public void A_pinned_tensor_can_be_read_and_written_directly_and_keeps_the_change()
    {
        using OffloadSession session = BeginUnder(_threeTensors);
        using torch.Tensor first = torch.ones(Count);
        using torch.Tensor second = torch.full(Count, 2f);
        using torch.Tensor third = torch.full(Count, 3f);

        using (session.Pin(first))
        {
            Assert.That(first.data<float>()[17], Is.EqualTo(1f));
            first.data<float>()[17] = 42f;
        }

        using torch.Tensor sum = second + third;
        using torch.Tensor product = second * third;
        Assert.That(first[17].clone().item<float>(), Is.EqualTo(42f));
        Assert.That(sum.mean().item<float>() + product.mean().item<float>(), Is.EqualTo(11f));
    }

    [Test]
    public void RestoreAll_brings_everything_back_and_the_budget_holds_again_afterwards()
    {
        ByteSize budget = _threeTensors;
        using OffloadSession session = BeginUnder(budget);
        torch.Tensor[] tensors = [.. Enumerable.Range(0, 6).Select(i => torch.full(Count, (float)i))];

        using (session.RestoreAll())
        {
            for (int i = 0; i < tensors.Length; i++) Assert.That(tensors[i].data<float>()[Count - 1], Is.EqualTo((float)i));
        }

        Assert.That(session.Statistics.LiveBytes, Is.LessThanOrEqualTo(budget));
        foreach (torch.Tensor tensor in tensors) tensor.Dispose();
    }

    [Test]
    public void After_the_session_every_tensor_is_in_memory_and_unchanged()
    {
        torch.Tensor[] tensors;
        using (OffloadSession session = BeginUnder(_threeTensors))
        {
            tensors = [.. Enumerable.Range(0, 6).Select(i => torch.full(Count, (float)i))];
        }

        for (int i = 0; i < tensors.Length; i++)
        {
            Assert.That(tensors[i].data<float>()[0], Is.EqualTo((float)i));
            tensors[i].Dispose();
        }
    }

    [Test]
    public void Pinning_more_than_the_budget_is_refused_and_pins_nothing()
    {
        using OffloadSession session = BeginUnder(_threeTensors);
        torch.Tensor[] tensors = [.. Enumerable.Range(0, 6).Select(i => torch.full(Count, (float)i))];

        Assert.Throws<BudgetExceededException>(() => session.Pin(tensors).Dispose());

        using torch.Tensor sum = tensors[0] + tensors[1]; // still works: nothing stayed pinned
        foreach (torch.Tensor tensor in tensors) tensor.Dispose();
    }
}
