package docker

import (
	"context"
	"io"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/build"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/registry"
	"github.com/docker/docker/api/types/system"
	"github.com/docker/docker/api/types/volume"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// API is what we call of Docker Engine, at API 1.41 or newer. *client.Client of docker/docker satisfies it; another
// client module would need this file and client.go only.
//
// A call whose client dies is carried out to its end by the engine; only streams (attach, copy) are cut. Looking again
// is therefore the only way to know whether a call that failed here took effect there.
type API interface {
	Ping(context.Context) (types.Ping, error)
	Info(context.Context) (system.Info, error)
	DaemonHost() string
	Close() error

	ContainerList(context.Context, container.ListOptions) ([]container.Summary, error)
	ContainerInspect(context.Context, string) (container.InspectResponse, error)
	// ContainerCreate is atomic in the name: of several at once exactly one succeeds, the others get a conflict.
	ContainerCreate(context.Context, *container.Config, *container.HostConfig, *network.NetworkingConfig, *v1.Platform, string) (container.CreateResponse, error)
	ContainerStart(context.Context, string, container.StartOptions) error // of a running one: no error
	ContainerStop(context.Context, string, container.StopOptions) error   // of a stopped one: no error
	ContainerRestart(context.Context, string, container.StopOptions) error
	ContainerRemove(context.Context, string, container.RemoveOptions) error
	ContainerUpdate(context.Context, string, container.UpdateConfig) (container.UpdateResponse, error)
	ContainerAttach(context.Context, string, container.AttachOptions) (types.HijackedResponse, error)
	ContainerLogs(context.Context, string, container.LogsOptions) (io.ReadCloser, error)
	ContainerExecCreate(context.Context, string, container.ExecOptions) (container.ExecCreateResponse, error)
	ContainerExecAttach(context.Context, string, container.ExecAttachOptions) (types.HijackedResponse, error)
	ContainerExecInspect(context.Context, string) (container.ExecInspect, error)
	CopyFromContainer(context.Context, string, string) (io.ReadCloser, container.PathStat, error)
	CopyToContainer(context.Context, string, string, io.Reader, container.CopyToContainerOptions) error

	NetworkList(context.Context, network.ListOptions) ([]network.Summary, error)
	NetworkCreate(context.Context, string, network.CreateOptions) (network.CreateResponse, error) // not atomic in the name
	NetworkRemove(context.Context, string) error

	VolumeList(context.Context, volume.ListOptions) (volume.ListResponse, error)
	VolumeCreate(context.Context, volume.CreateOptions) (volume.Volume, error) // of a taken name: no error, and not ours
	VolumeRemove(context.Context, string, bool) error

	ImageInspect(context.Context, string, ...clientImageInspectOption) (image.InspectResponse, error)
	ImagePull(context.Context, string, image.PullOptions) (io.ReadCloser, error)
	ImageList(context.Context, image.ListOptions) ([]image.Summary, error)
	ImageRemove(context.Context, string, image.RemoveOptions) ([]image.DeleteResponse, error)
	ImageBuild(context.Context, io.Reader, build.ImageBuildOptions) (build.ImageBuildResponse, error)
	DistributionInspect(context.Context, string, string) (registry.DistributionInspect, error)
}
