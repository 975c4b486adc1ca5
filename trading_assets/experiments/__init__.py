"""The graph as DVC's stages: experiments that see the lake's objects and never move what stands."""
